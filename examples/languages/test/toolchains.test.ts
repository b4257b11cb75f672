import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const DEMO = fileURLToPath(new URL("../demo.ts", import.meta.url));

test("on a machine without toolchains all of them are named, each with the way to get it", async () => {
  const empty = await mkdtemp(join(tmpdir(), "languages-test-"));
  try {
    const { JAVA_HOME: _, KAFKA_BROKERS: __, ...others } = process.env;
    const { status, stderr, stdout } = spawnSync(process.execPath, ["--conditions=source", DEMO], {
      env: { ...others, PATH: empty, XDG_CACHE_HOME: empty },
      encoding: "utf8",
    });
    assert.equal(status, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /can't run here\. What is missing:/);
    assert.match(stderr, /Java 17, for payments: there is none \(tried java\)\.\n.*openjdk-17/);
    assert.match(stderr, /Maven, which builds payments: there is none.*\n.*apt-get install maven/);
    assert.match(stderr, /Python 3\.10 .*: there is none.*\n.*python3-venv/);
    assert.match(stderr, /Kafka: no Java here.*\n.*KAFKA_BROKERS=host:port/);
  } finally {
    await rm(empty, { recursive: true, force: true });
  }
});

test("a wrong option is answered with what there is, and starts nothing", () => {
  const run = spawnSync(process.execPath, ["--conditions=source", DEMO, "--orders"], {
    encoding: "utf8",
  });
  assert.equal(run.status, 2);
  assert.match(run.stderr, /--orders.*\n\nnpm run demo:languages/);
});
