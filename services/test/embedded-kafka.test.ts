import assert from "node:assert/strict";
import { test } from "node:test";
import { startEmbeddedKafka } from "../embedded-kafka/start.ts";
import { createTopics } from "../topics.ts";
import { connection, refused, refuses } from "./connection.ts";
import { parentOf } from "./killed-parent.ts";
import { TRACEPARENT, receive, send } from "./round-trip.ts";

const timeout = 60_000;

test("a record goes through the embedded Kafka with its headers", { timeout }, async () => {
  const kafka = await startEmbeddedKafka();
  try {
    await send(kafka.brokers, "orders", { traceparent: TRACEPARENT, twice: ["a", "b"] });
    const { value, headers } = await receive(kafka.brokers, "orders");
    assert.equal(String(value), "one");
    assert.deepEqual(headers, {
      traceparent: Buffer.from(TRACEPARENT),
      twice: [Buffer.from("a"), Buffer.from("b")],
    });
  } finally {
    await kafka.stop();
  }
});

test(
  "topics of the embedded Kafka exist once asked for, with its own number of partitions",
  { timeout },
  async () => {
    const kafka = await startEmbeddedKafka();
    try {
      assert.deepEqual(await createTopics(kafka.brokers, { orders: 1, "orders.dlq": 7 }), {
        orders: 4,
        "orders.dlq": 4,
      });
    } finally {
      await kafka.stop();
    }
  },
);

test("a cluster of three has three addresses and takes records", { timeout }, async () => {
  const kafka = await startEmbeddedKafka({ brokers: 3 });
  try {
    assert.equal(new Set(kafka.brokers.split(",")).size, 3);
    await send(kafka.brokers, "orders", {});
  } finally {
    await kafka.stop();
  }
});

test("a stopped embedded Kafka leaves no process and no port", { timeout }, async () => {
  const kafka = await startEmbeddedKafka();
  assert.equal(await refuses(kafka.brokers), false);
  await kafka.stop();
  await kafka.stop();
  assert.equal(kafka.process.exitCode, 0);
  assert.equal(await refuses(kafka.brokers), true);
});

test("Ctrl-C in the terminal leaves the broker to its parent", { timeout }, async () => {
  const kafka = await startEmbeddedKafka();
  try {
    kafka.process.kill("SIGINT");
    await send(kafka.brokers, "orders", {});
  } finally {
    await kafka.stop();
  }
  assert.equal(kafka.process.signalCode, null);
});

test("the embedded broker ends when its parent is killed", { timeout }, async () => {
  const parent = await parentOf("embedded-kafka");
  const { closed } = await connection(parent.brokers);
  parent.process.kill("SIGKILL");
  await closed;
  await refused(parent.brokers);
});

test(
  "without its native binding, the error names the reason and the way out",
  { timeout },
  async () => {
    process.env["NAPI_RS_NATIVE_LIBRARY_PATH"] = "/no/such/binding.node";
    try {
      await assert.rejects(startEmbeddedKafka(), (error: Error) => {
        assert.match(error.message, /no native binding for Node \d+/);
        assert.match(error.message, /\/no\/such\/binding\.node/);
        assert.match(error.message, /npm ci.*Node 24/);
        assert.match(error.message, /KAFKA_BROKERS=host:port/);
        return true;
      });
    } finally {
      delete process.env["NAPI_RS_NATIVE_LIBRARY_PATH"];
    }
  },
);

test("a cluster of no brokers is refused", async () => {
  for (const brokers of [0, 1.5, 17, Number.NaN]) {
    await assert.rejects(startEmbeddedKafka({ brokers }), RangeError);
  }
});
