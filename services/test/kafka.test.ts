import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { DIES_WITH_PARENT } from "../dies-with-parent.ts";
import { kafkaAvailable, startKafka } from "../kafka/start.ts";
import type { RealKafka } from "../kafka/start.ts";
import { createTopics } from "../topics.ts";
import { connection, refused, refuses } from "./connection.ts";
import { parentOf } from "./killed-parent.ts";
import { TRACEPARENT, receive, send } from "./round-trip.ts";

const absence = await kafkaAvailable();
const skip = absence && `no real Kafka: ${absence.why}. ${absence.wayOut}`;
const timeout = 120_000;
const progress = (): void => {};

// The broker's data goes below TMPDIR: an empty folder afterwards means that all of it was removed.
const temporary = await mkdtemp(join(tmpdir(), "services-test-"));
before(() => void (process.env["TMPDIR"] = temporary));
after(() => rm(temporary, { recursive: true, force: true }));

describe("a running Kafka", { skip, timeout: 2 * timeout }, () => {
  let kafka: RealKafka;
  before(async () => void (kafka = await startKafka({ progress })));
  after(() => kafka?.stop());

  test("takes a record and gives it back with its headers", { timeout }, async () => {
    await send(kafka.brokers, "orders", { traceparent: TRACEPARENT, twice: ["a", "b"] });
    const { value, headers } = await receive(kafka.brokers, "orders");
    assert.equal(String(value), "one");
    assert.deepEqual(headers, {
      traceparent: Buffer.from(TRACEPARENT),
      twice: [Buffer.from("a"), Buffer.from("b")],
    });
  });

  test(
    "has topics with the partitions asked for, and leaves those it has as they are",
    { timeout },
    async () => {
      assert.deepEqual(await createTopics(kafka.brokers, { three: 3 }), { three: 3 });
      assert.deepEqual(await createTopics(kafka.brokers, { three: 5, one: 1 }), {
        three: 3,
        one: 1,
      });
    },
  );

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    test(`keeps its port and its records over a restart by ${signal}`, { timeout }, async () => {
      const { brokers, serverPid } = kafka;
      await send(brokers, `before-${signal}`, { traceparent: TRACEPARENT });
      const { closed } = await connection(brokers);
      await kafka.restart({ signal });
      await closed;
      assert.equal(kafka.brokers, brokers);
      assert.notEqual(kafka.serverPid, serverPid);
      const { headers } = await receive(brokers, `before-${signal}`);
      assert.deepEqual(headers, { traceparent: Buffer.from(TRACEPARENT) });
    });
  }
});

test("a stopped Kafka leaves no process, no port and no data", { skip, timeout }, async () => {
  const kafka = await startKafka({ progress });
  const { closed } = await connection(kafka.brokers);
  assert.equal((await readdir(temporary)).length, 1);
  await kafka.stop();
  await kafka.stop();
  await closed;
  assert.equal(kafka.process.exitCode, 0);
  assert.throws(() => process.kill(kafka.serverPid, 0), { code: "ESRCH" });
  assert.equal(await refuses(kafka.brokers), true);
  assert.deepEqual(await readdir(temporary), []);
});

test("a killed parent leaves no guard, no broker and no data", { skip, timeout }, async () => {
  const parent = await parentOf("kafka");
  const { closed } = await connection(parent.brokers);
  parent.process.kill("SIGKILL");
  await closed;
  await parent.allGone;
  await refused(parent.brokers);
  assert.deepEqual(await readdir(temporary), []);
});

const noSetpriv =
  DIES_WITH_PARENT.length === 0 && "no setpriv (Linux, util-linux 2.33 or later) here";

test("a killed guard leaves no broker", { skip: skip || noSetpriv, timeout }, async () => {
  const kafka = await startKafka({ progress });
  const { closed } = await connection(kafka.brokers);
  kafka.process.kill("SIGKILL");
  await closed;
  await refused(kafka.brokers);
  for (const folder of await readdir(temporary)) {
    await rm(join(temporary, folder), { recursive: true, force: true }); // its guard can't any more
  }
});

test(
  "a broker that dies unasked is reported with the end of its log",
  { skip, timeout },
  async () => {
    const died = Promise.withResolvers<string>();
    const kafka = await startKafka({
      progress: (line) => line.includes(" died: ") && died.resolve(line),
    });
    try {
      process.kill(kafka.serverPid, "SIGKILL");
      assert.match(await died.promise, /it ended with SIGKILL\n[^]*Kafka Server started/);
    } finally {
      await kafka.stop();
    }
  },
);

test(
  "a broker that is not ready in time is an error with the end of its log, and is gone",
  { skip, timeout },
  async () => {
    await assert.rejects(startKafka({ progress, timeoutMs: 300 }), (error: Error) => {
      assert.match(error.message, /^Kafka 4\.1\.1 did not start: it was not ready in 0\.3 s/);
      return true;
    });
    assert.deepEqual(await readdir(temporary), []);
  },
);
