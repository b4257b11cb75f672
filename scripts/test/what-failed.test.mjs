import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");

function whatFailed(t, log) {
  const folder = mkdtempSync(join(tmpdir(), "throughline-what-failed-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "log");
  writeFileSync(file, log);
  const { status, stdout } = spawnSync(join(root, ".ci/what-failed"), [file], { encoding: "utf8" });
  assert.equal(status, 0);
  return stdout;
}

test("CI's end tells each failed test of a step with its error, and no skipped one", (t) => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const script = [join(root, "scripts/test.mjs"), "--no-servers"];
  const { stdout } = spawnSync(
    process.execPath,
    [...script, "scripts/test/fixtures/outcomes.fixture.mjs"],
    { cwd: root, encoding: "utf8", env },
  );
  const told = whatFailed(t, `before\n${stdout}after\n`);
  assert.match(told, /^2 failed:\n\n✖ /);
  assert.match(told, /TypeError: outer/);
  assert.doesNotMatch(told, /the reason of the skip|before|after|passed/);
});

test("CI's end tells what failed of a step that was ended, with the reason", (t) => {
  const failed = "  ✖ nothing is lost 129.1 s\n    ↳ Error: bare: nothing was handled for long\n";
  assert.equal(whatFailed(t, `before\n${failed}  … 15 s: a file\nstopped by SIGTERM\n`), failed);
});

test("CI's end tells what pytest and Maven name as errors", (t) => {
  assert.equal(
    whatFailed(t, "collected\nFAILED tests/test_batch.py::test_scope - AssertionError\n1 failed\n"),
    "FAILED tests/test_batch.py::test_scope - AssertionError\n",
  );
  assert.equal(
    whatFailed(t, "[INFO] a\n[ERROR] BatchTest.scope:12 expected: <1>\n[INFO] b\n"),
    "[ERROR] BatchTest.scope:12 expected: <1>\n",
  );
});

test("CI's end tells the last lines of a step that names no error", (t) => {
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`);
  assert.equal(whatFailed(t, lines.join("\n")), `${lines.slice(-30).join("\n")}\n`);
});
