import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { cruiseArrows } from "../check/arrows.mjs";
import { rules } from "../check/arrows-rules.mjs";

const core = "packages/throughline/src";
const doctor = "packages/doctor/src";

/** For each rule, a small tree in which one import breaks it: file → what it imports. */
const breaks = {
  "no-cycle": { [`${core}/extract.ts`]: "./inject.ts", [`${core}/inject.ts`]: "./extract.ts" },
  "core-knows-no-client": { [`${core}/send.ts`]: "./clients/kafkajs.ts" },
  "core-does-no-io": { [`${core}/send.ts`]: "node:net" },
  "runtime-depends-on-the-api-alone": { [`${core}/clients/kafkajs.ts`]: "kafkajs" },
  "core-names-no-client-package": { [`${core}/message.ts`]: "type kafkajs" },
  "a-client-knows-no-other-client": {
    [`${core}/clients/kafkajs/producer.ts`]: "../amqplib.ts",
    [`${core}/clients/amqplib.ts`]: "",
  },
  "a-client-knows-no-test-kit": { [`${core}/clients/kafkajs.ts`]: "../testing/index.ts" },
  "test-kit-knows-no-runner": { [`${core}/testing/index.ts`]: "node:test" },
  "engine-knows-no-shell": { [`${doctor}/engine/window.ts`]: "../cli/main.ts" },
  "engine-does-no-io": { [`${doctor}/rules/orphan.ts`]: "node:fs" },
  "engine-depends-on-no-package": { [`${doctor}/engine/window.ts`]: "kafkajs" },
  "a-source-knows-the-engine-alone": { [`${doctor}/sources/otlp.ts`]: "../cli/main.ts" },
  "a-report-knows-the-engine-alone": { [`${doctor}/report/text.ts`]: "../sources/otlp.ts" },
  "packages-know-no-workspace-tool": { [`${core}/send.ts`]: "../../../services/start.mjs" },
  "every-import-resolves": { [`${core}/send.ts`]: "./not-there.ts" },
};

/** What the trees above import, and imports that every rule allows. */
const allowed = {
  [`${core}/index.ts`]: "./extract.ts",
  [`${core}/extract.ts`]: "@opentelemetry/api",
  [`${core}/clients/kafkajs.ts`]: "../extract.ts",
  [`${core}/clients/kafkajs/producer.ts`]: "../../extract.ts",
  [`${core}/clients/kafkajs/messages.ts`]: "type kafkajs",
  [`${core}/testing/index.ts`]: "../clients/kafkajs.ts",
  [`${doctor}/engine/window.ts`]: "../rules/orphan.ts",
  [`${doctor}/rules/orphan.ts`]: "",
  [`${doctor}/sources/otlp.ts`]: "../engine/window.ts",
  [`${doctor}/report/text.ts`]: "../engine/window.ts",
  [`${doctor}/cli/main.ts`]: "../sources/otlp.ts",
  "services/start.mjs": "",
};

async function broken(t, tree) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "throughline-arrows-")));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  symlinkSync(join(import.meta.dirname, "../../node_modules"), join(root, "node_modules"));
  for (const [file, imported] of Object.entries({ ...allowed, ...tree })) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), source(imported));
  }
  const { broken: found } = await cruiseArrows(root);
  return [...new Set(found.map(({ rule }) => rule))];
}

function source(imported) {
  if (imported === "") return "export const here = true;\n";
  const [, type, from] = /^(type )?(.*)$/.exec(imported);
  return `import ${type ?? ""}* as other from "${from}";\nexport ${type ? "type T = typeof other" : "{ other }"};\n`;
}

test("imports that go the right way break no rule", async (t) => {
  assert.deepEqual(await broken(t, {}), []);
});

for (const { name } of rules) {
  test(`the rule ${name} sees an import that breaks it`, async (t) => {
    assert.ok(breaks[name], `no tree breaks ${name}: add one here`);
    const found = await broken(t, breaks[name]);
    assert.ok(found.includes(name), `found only: ${found.join(", ") || "nothing"}`);
  });
}

test("a cruise that sees no module is an error, not a success", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "throughline-arrows-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, "packages"));
  await assert.rejects(cruiseArrows(root), /no module was looked at/);
});
