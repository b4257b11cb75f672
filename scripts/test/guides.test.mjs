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
