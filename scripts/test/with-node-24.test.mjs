import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ensureDependencies } from "../node-24/dependencies.mjs";

const script = join(import.meta.dirname, "../with-node-24.mjs");

test("the command runs on Node 24 and finds the workspace's tools first", () => {
  const code = "console.log(process.version, process.env.PATH.split(require('path').delimiter)[1])";
  const { stdout } = spawnSync(process.execPath, [script, "node", "-e", code], {
    encoding: "utf8",
  });
  assert.match(stdout, /^v24\.\d+\.\d+ .*node_modules[\\/]\.bin\n$/);
});

test("the command's exit code is kept", () => {
  assert.equal(spawnSync(process.execPath, [script, "node", "-e", "process.exit(7)"]).status, 7);
});

test("a command that died of a signal is reported as that signal", () => {
  const code = "process.kill(process.pid, 'SIGKILL')";
  assert.equal(spawnSync(process.execPath, [script, "node", "-e", code]).signal, "SIGKILL");
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  test(`${signal} reaches the command, which ends in its own way`, async () => {
    const code = `process.once("${signal}", () => { console.log("cleaned up"); process.exit(5); });
      setInterval(() => {}, 1000); console.log("ready");`;
    const child = spawn(process.execPath, [script, "node", "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.setEncoding("utf8");
    let printed = "";
    child.stdout.on("data", (text) => {
      if (printed === "") child.kill(signal);
      printed += text;
    });
    const [exitCode] = await once(child, "close");
    assert.equal(printed, "ready\ncleaned up\n");
    assert.equal(exitCode, 5);
  });
}

test("under npm, the command is asked to end where the shell in between is gone", async (t) => {
  const code = `process.once("SIGTERM", () => { console.log("cleaned up"); process.exit(0); });
    setInterval(() => {}, 1000); console.log("ready");`;
  // The shell waits for its last command here, as npm's does.
  const command = `"$NODE" "$SCRIPT" node -e '${code}'; exit`;
  const shell = spawn("sh", ["-c", command], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, npm_lifecycle_event: "start", NODE: process.execPath, SCRIPT: script },
  });
  t.after(() => shell.kill("SIGKILL"));
  shell.stdout.setEncoding("utf8");
  let printed = "";
  shell.stdout.on("data", (text) => {
    if (printed === "") shell.kill("SIGKILL");
    printed += text;
  });
  await once(shell.stdout, "close");
  assert.equal(printed, "ready\ncleaned up\n");
});

test("an install that failed leaves no stamp, and says why and what to do", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "throughline-bootstrap-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const locked = { name: "x", version: "1.0.0", lockfileVersion: 3 };
  const dependencies = { "not-in-any-cache": "1.0.0" };
  writeFileSync(
    join(root, "package.json"),
    JSON.stringify({ name: "x", version: "1.0.0", dependencies }),
  );
  writeFileSync(
    join(root, "package-lock.json"),
    JSON.stringify({
      ...locked,
      packages: {
        "": { name: "x", version: "1.0.0", dependencies },
        "node_modules/not-in-any-cache": { version: "1.0.0", integrity: "sha512-AA==" },
      },
    }),
  );
  const env = { ...process.env, npm_config_cache: join(root, "cache"), npm_config_offline: "true" };
  await assert.rejects(ensureDependencies(root, process.execPath, env), (error) => {
    assert.match(error.message, /^Installing the dependencies: npm ended with exit code 1\.$/);
    assert.match(error.wayOut, /^The npm registry is not reachable\./);
    return true;
  });
  assert.throws(() => readFileSync(join(root, "node_modules", ".installed-from")), {
    code: "ENOENT",
  });
});

test("an install is done once for a lock, and again when the lock changes", async (t) => {
  const { root, lock, stamp } = emptyWorkspace(t);
  await ensureDependencies(root, process.execPath, process.env);
  const first = readFileSync(stamp, "utf8");
  writeFileSync(join(root, "node_modules", "kept"), "");
  await ensureDependencies(root, process.execPath, process.env);
  assert.equal(readFileSync(join(root, "node_modules", "kept"), "utf8"), "");

  writeFileSync(join(root, "package-lock.json"), lock({ requires: true }));
  await ensureDependencies(root, process.execPath, process.env);
  assert.notEqual(readFileSync(stamp, "utf8"), first);
  assert.throws(() => readFileSync(join(root, "node_modules", "kept")), { code: "ENOENT" });
});

test("of two runs at once one installs and the other waits for it", async (t) => {
  const { root } = emptyWorkspace(t);
  const told = t.mock.method(console, "error", () => {});
  const run = () => ensureDependencies(root, process.execPath, process.env);
  await Promise.all([run(), run()]);
  const lines = told.mock.calls.map(({ arguments: [line] }) => line);
  assert.equal(lines.filter((line) => line.includes("installing the dependencies")).length, 1);
  assert.equal(lines.filter((line) => line.includes("another run")).length, 1);
});

test("the lock of a run that was killed does not hold up the next", async (t) => {
  const { root, stamp } = emptyWorkspace(t);
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  mkdirSync(join(root, ".node24"));
  writeFileSync(join(root, ".node24", "installing"), String(pid));
  await ensureDependencies(root, process.execPath, process.env);
  assert.match(readFileSync(stamp, "utf8"), /^[0-9a-f]{64}\n$/);
});

function emptyWorkspace(t) {
  const root = mkdtempSync(join(tmpdir(), "throughline-bootstrap-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const manifest = { name: "x", version: "1.0.0" };
  const lock = (extra) =>
    JSON.stringify({ ...manifest, ...extra, lockfileVersion: 3, packages: { "": manifest } });
  writeFileSync(join(root, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(root, "package-lock.json"), lock());
  return { root, lock, stamp: join(root, "node_modules", ".installed-from") };
}
