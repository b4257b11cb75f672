import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { drivers, startAll } from "../all.ts";
import { connection, refuses } from "./connection.ts";

const START = fileURLToPath(new URL("../start.mjs", import.meta.url));
const timeout = 60_000;

test("a server that the environment names is not started, and passed on", async () => {
  const services = await startAll({
    env: { KAFKA_BROKERS: "kafka.example:9092" },
    only: ["kafka"],
  });
  assert.deepEqual(services.given, ["kafka"]);
  assert.deepEqual(services.env, { KAFKA_BROKERS: "kafka.example:9092" });
  assert.deepEqual(services.absent, []);
  await services.stop();
});

test("what was started can be used until it is stopped", { timeout }, async () => {
  const services = await startAll({ env: {}, only: ["embedded-kafka"] });
  const brokers = services.env["KAFKA_BROKERS"] ?? "";
  (await connection(brokers)).close();
  await services.stop();
  await services.stop();
  assert.equal(await refuses(brokers), true);
});

test("an unknown name is refused with the names there are", async () => {
  const names = (await drivers()).map(({ name }) => name).join(", ");
  await assert.rejects(startAll({ only: ["kafak"] }), {
    message: `No server is called kafak. There are: ${names}.`,
  });
});

test("two servers that set the same variable are refused", async () => {
  await assert.rejects(startAll({ env: {}, only: ["kafka", "embedded-kafka"] }), /KAFKA_BROKERS/);
});

test("by hand, a server's address is printed and Ctrl-C stops it", { timeout }, async () => {
  const shell = spawn(process.execPath, [START, "embedded-kafka"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = once(shell, "exit");
  const [line] = (await once(createInterface({ input: shell.stdout }), "line")) as [string];
  const brokers = /^KAFKA_BROKERS=(127\.0\.0\.1:\d+)$/.exec(line)?.[1] ?? "";
  const { closed } = await connection(brokers);
  await once(createInterface({ input: shell.stderr }), "line"); // "Ctrl-C stops."
  shell.kill("SIGINT");
  assert.deepEqual(await exit, [0, null]);
  await closed;
});

test("--help names every server and the variables it sets", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [START, "--help"]);
  for (const { name, sets } of await drivers()) {
    assert.match(stdout, new RegExp(`  ${name} .*${sets.join(", ")}`));
  }
});
