import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");

function runScript(...args) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const script = [join(root, "scripts/test.mjs"), "--no-servers", ...args];
  const ended = spawnSync(process.execPath, script, { cwd: root, encoding: "utf8", env });
  return { ...ended, lastLine: ended.stdout.trimEnd().split("\n").at(-1) };
}

const fixture = (name) => `scripts/test/fixtures/${name}.fixture.mjs`;

test("each outcome is counted once, and the last line tells the sums", () => {
  const { lastLine, status, stdout } = runScript(fixture("outcomes"));
  assert.equal(lastLine, "2 passed, 2 failed, 2 skipped");
  assert.equal(status, 1);
  assert.match(stdout, /skipped, 1: the reason of the skip\n {2}is skipped/);
  assert.match(stdout, /TypeError: outer[^]*\[cause\]: Error: inner/);
});

test("with a line a test, what failed has its reason at once", () => {
  const { stdout } = runScript(fixture("outcomes"));
  const [before] = stdout.split("\n2 failed:");
  assert.match(before, /✖ fails as a subtest .*\n +↳ TypeError: outer\n/);
  assert.match(before, /✖ fails in a suite .*\n +↳ AssertionError \[ERR_ASSERTION\]: Expected/);
});

test("a file without a test fails", () => {
  const { lastLine, status, stdout } = runScript(fixture("empty"));
  assert.equal(lastLine, "0 passed, 1 failed, 0 skipped");
  assert.equal(status, 1);
  assert.match(stdout, /there is no test in this file/);
});

test("a file that ends with an exit code of its own fails, though its tests passed", () => {
  const { lastLine, status, stdout } = runScript(fixture("exits"));
  assert.equal(lastLine, "1 passed, 1 failed, 0 skipped");
  assert.equal(status, 1);
  assert.match(stdout, /ended outside of its tests, by exit code 3/);
});

test("a file whose tests leave it busy is ended when its time is over, and fails", () => {
  const { lastLine, status, stdout } = runScript(fixture("lingers"), "--timeout", "1");
  assert.equal(lastLine, "1 passed, 1 failed, 0 skipped");
  assert.equal(status, 1);
  assert.match(stdout, /ended outside of its tests, by SIGKILL/);
  assert.match(stdout, /The file took longer than 1 s and was ended\./);
});

test("a test that another file registers counts, and fails the run", () => {
  const { lastLine, status, stdout } = runScript(fixture("borrows"));
  assert.equal(lastLine, "1 passed, 1 failed, 0 skipped");
  assert.equal(status, 1);
  assert.match(stdout, /broken elsewhere/);
});

test("a name chooses among the tests of a file", () => {
  const { lastLine, status } = runScript(fixture("outcomes"), "--name", "^passes$");
  assert.equal(lastLine, "1 passed, 0 failed, 0 skipped");
  assert.equal(status, 0);
});

test("a path that matches no test file is an error that teaches", () => {
  const { status, stderr } = runScript("packages/no-such-package");
  assert.equal(status, 2);
  assert.match(stderr, /No test file matches packages\/no-such-package\./);
});

for (const [signal, exitCode] of [
  ["SIGTERM", 143],
  ["SIGINT", 130],
  ["SIGKILL", null],
]) {
  test(`${signal} ends the run and every test process`, { timeout: 20_000 }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "throughline-signal-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const started = join(folder, "started");
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const script = [join(root, "scripts/test.mjs"), "--no-servers", fixture("waits")];
    const changes = watch(folder);
    const child = spawn(process.execPath, script, {
      cwd: root,
      env: { ...env, STARTED_FILE: started },
      stdio: "ignore",
    });
    const ended = once(child, "exit");
    await until(changes, () => existsSync(started));

    child.kill(signal);
    assert.deepEqual(await ended, [exitCode, exitCode === null ? signal : null]);
    await until(changes, () => !existsSync(started));
    changes.close();
  });
}

function until(changes, holds) {
  return new Promise((resolve) => {
    const look = () => holds() && resolve();
    changes.on("change", look);
    look();
  });
}
