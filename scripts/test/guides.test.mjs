import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { docExamples } from "../check/doc-examples.mjs";

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

/** A page whose one example is a module, which its own test imports. */
const MODULE = "docs/any-broker.md";

test("each example of a page is run as it stands, by a test that names text of it", () => {
  const run = /\bexample\(\s*(?:(?:page|"[^"]*"),\s*)?(?:"((?:[^"\\]|\\.)*)"|'([^']*)')/g;
  const named = globSync("scripts/test/page-*.mjs", { cwd: root }).flatMap((file) => {
    const found = readFileSync(join(root, file), "utf8").matchAll(run);
    return [...found].map(([, text, quoted]) => quoted ?? JSON.parse(`"${text}"`));
  });
  const pages = docExamples(root).filter(({ runs, file }) => !runs && file !== MODULE);
  assert.ok(pages.length > 20, `only ${pages.length} examples found`);
  for (const { file, line, code } of pages) {
    assert.ok(
      named.some((text) => code.includes(text)),
      `no test runs the example at ${file}:${line}`,
    );
  }
});
