import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { docExamples, fileNameOf, fromComments, fromMarkdown } from "../check/doc-examples.mjs";

const root = join(import.meta.dirname, "../..");
const node = promisify(execFile).bind(undefined, process.execPath);

/** An exported function with the comment that ends on the line before it. */
const DOCUMENTED = /(\/\*\*(?:(?!\*\/)[^])*\*\/\n)?export (?:async )?function (\w+)/g;

mkdirSync(join(root, ".cache"), { recursive: true });
const folder = mkdtempSync(join(root, ".cache/examples-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const examples = docExamples(root);
for (const example of examples) writeFileSync(join(folder, fileNameOf(example)), example.code);
writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({
    extends: "../../tsconfig.base.json",
    compilerOptions: { target: "esnext", lib: ["esnext"], declaration: false },
    include: ["*.ts"],
  }),
);

test("each function of the core, of kafkajs's subpath and of the testing subpath has an example in its doc comment", () => {
  const src = "packages/throughline/src";
  const files = ["any-broker.ts", "links.ts", "relation.ts", "clients/kafkajs.ts"];
  const testing = ["memory/broker.ts", "spans/collect.ts", "contract/suite.ts"];
  let functions = 0;
  for (const file of [...files, ...testing.map((each) => `testing/${each}`)]) {
    const text = readFileSync(join(root, src, file), "utf8");
    for (const [whole, doc, name] of text.matchAll(DOCUMENTED)) {
      // What the subpaths don't export are one file's words to another.
      if (name === "linkedMessages") continue;
      assert.match(doc ?? "", /@example/, `${name} in ${file} has none: ${whole}`);
      functions += 1;
    }
  }
  assert.ok(functions >= 20, `only ${functions} functions found`);
});

test("every example type-checks", async () => {
  const tsc = join(root, "node_modules/@typescript/native/bin/tsc");
  const { stdout } = await node([tsc, "-p", folder]).catch((error) => error);
  assert.equal(stdout, "");
});

for (const example of examples.filter(({ runs }) => runs)) {
  test(`the example at ${example.file}:${example.line} runs`, { timeout: 30_000 }, async () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    await node(["--conditions=source", join(folder, fileNameOf(example))], {
      env,
      timeout: 20_000,
    });
  });
}

test("an example is found under @example, as written", () => {
  const text =
    "/**\n * Says.\n *\n * @example\n * ```ts\n * say(\n *   1,\n *\n * );\n * ```\n */\nexport";
  assert.deepEqual(fromComments("a.ts", text), [
    { file: "a.ts", line: 4, code: "say(\n  1,\n\n);\n", runs: true },
  ]);
});

test("a README's block is checked together with what it takes for granted", () => {
  const text =
    "Text.\n\n<!-- given: declare const a: number; -->\n```ts\nsay(a);\n```\n\n```sh\nls\n```\n";
  assert.deepEqual(fromMarkdown("README.md", text), [
    {
      file: "README.md",
      line: 3,
      code: "declare const a: number; \nsay(a);\n\nexport {};\n",
      runs: false,
    },
  ]);
});
