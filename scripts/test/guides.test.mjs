import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");

/** A statement's test: `[✓ the test's name, or its beginning](its file)`. */
const proof = /\[✓ ([^\]]+)\]\(([^)]+)\)/g;

const guides = globSync("docs/*.md", { cwd: root });

test("each statement of a guide links a test that there is, by its name", () => {
  let proofs = 0;
  for (const guide of guides) {
    for (const [, name, target] of readFileSync(join(root, guide), "utf8").matchAll(proof)) {
      const file = join(root, dirname(guide), target);
      const text = readFileSync(file, "utf8");
      assert.ok(
        text.includes(name.replaceAll("`", "")),
        `${guide}: no test called "${name}" in ${target}`,
      );
      proofs += 1;
    }
  }
  assert.ok(proofs > 10, `only ${proofs} proofs found`);
});

test("no point and no row of a runtime's guide stands without its test", () => {
  for (const guide of ["node", "python", "java"]) {
    const lines = readFileSync(join(root, "docs", `${guide}.md`), "utf8").split("\n");
    const first = lines.indexOf("## How it is kept");
    const last = lines.findIndex((line, at) => at > first && line.startsWith("## Faults"));
    const said = lines
      .slice(first, last < 0 ? undefined : last)
      .filter((line) => /^(?:- |\| (?!---|where))/.test(line));
    assert.ok(said.length > 10, `docs/${guide}.md: only ${said.length} statements found`);
    for (const line of said) {
      assert.match(line, /\[✓ /, `docs/${guide}.md: no test backs: ${line}`);
    }
  }
});
