// What a process span says of its message, and what of it the application decides.
import { diag, DiagLogLevel } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { processMessage } from "throughline";
import { type Options, processMessage as processRecord, traced } from "throughline/kafkajs";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";
import { type Place, record, stubConsumer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

async function processed(
  message: ReturnType<typeof record>,
  options: Options = {},
  place: Place = {},
): Promise<FinishedSpan | undefined> {
  const incoming = stubConsumer();
  observed.reset();
  await traced(incoming.client, options).run({ eachMessage: async () => {} });
  await incoming.deliver(message, place);
  return observed.spans()[0];
}

test("a span of a Kafka record says where it came from and which it is", async () => {
  const message = record({}, { offset: "42", key: Buffer.from("key-1"), value: null });
  const span = await processed(message, { groupId: "payments" }, { topic: "orders", partition: 3 });
  assert.equal(span?.name, "process orders");
  assert.deepEqual(
    { ...span.attributes },
    {
      "messaging.system": "kafka",
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.name": "orders",
      "messaging.destination.partition.id": "3",
      "messaging.consumer.group.name": "payments",
      "messaging.kafka.offset": 42,
      "messaging.kafka.message.key": "key-1",
      "messaging.kafka.message.tombstone": true,
    },
  );
});

test("a long key is cut, as bytes and as text", async () => {
  for (const key of [Buffer.from("k".repeat(5000)), "k".repeat(5000)]) {
    const span = await processed(record({}, { key } as object));
    const said = span?.attributes["messaging.kafka.message.key"] as string;
    assert.ok("k".repeat(5000).startsWith(said) && said.length > 0 && said.length <= 256, said);
  }
});

test("a record without a key, or with a value, says neither", async () => {
  const span = await processed(record({}, { key: null, value: Buffer.from("") }));
  assert.equal(span?.attributes["messaging.kafka.message.key"], undefined);
  assert.equal(span?.attributes["messaging.kafka.message.tombstone"], undefined);
});

test("a message of any broker says what its delivery tells", () => {
  processMessage({ headers: {} }, () => {}, {
    system: "nats",
    destination: "orders",
    partition: 7,
    group: "payments",
  });
  assert.deepEqual(
    { ...observed.spans()[0]?.attributes },
    {
      "messaging.system": "nats",
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.name": "orders",
      "messaging.destination.partition.id": "7",
      "messaging.consumer.group.name": "payments",
    },
  );
});

test("what samplers decide on is there when the span starts", async () => {
  const seen: unknown[] = [];
  await observed.shutdown();
  observed = tracing({
    sampler: {
      shouldSample(_context, _traceId, _name, _kind, attributes) {
        seen.push(attributes);
        return { decision: 2 };
      },
      toString: () => "reads",
    },
  });
  await processed(record(), { groupId: "payments", server: { address: "kafka-1", port: 9092 } });
  assert.deepEqual(
    { ...(seen[0] as object) },
    {
      "messaging.system": "kafka",
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.name": "orders",
      "messaging.destination.partition.id": "0",
      "messaging.consumer.group.name": "payments",
      "server.address": "kafka-1",
      "server.port": 9092,
    },
  );
});

test("messageKey false keeps keys out", async () => {
  const span = await processed(record({}, { key: Buffer.from("secret") }), { messageKey: false });
  assert.equal(span?.attributes["messaging.kafka.message.key"], undefined);
  assert.equal(typeof span?.attributes["messaging.kafka.offset"], "number");
});

const destinationTemplate = (name: string): string | undefined =>
  name.startsWith("reply-") ? "reply-{id}" : undefined;

test("a destination's template names the span, and stands beside the destination", async () => {
  const span = await processed(record(), { destinationTemplate }, { topic: "reply-7" });
  assert.equal(span?.name, "process reply-{id}");
  assert.equal(span.attributes["messaging.destination.name"], "reply-7");
  assert.equal(span.attributes["messaging.destination.template"], "reply-{id}");
  const plain = await processed(record(), { destinationTemplate }, { topic: "orders" });
  assert.equal(plain?.name, "process orders");
  assert.equal("messaging.destination.template" in plain.attributes, false);
});

test("clientId and server are said where the application tells them", async () => {
  const span = await processed(record(), { clientId: "app-1", server: { address: "kafka-1" } });
  assert.equal(span?.attributes["messaging.client.id"], "app-1");
  assert.equal(span.attributes["server.address"], "kafka-1");
  assert.equal("server.port" in span.attributes, false);
});

test("attributes() adds to the span of its message", async () => {
  const message = record({}, { key: Buffer.from("7") });
  const span = await processed(message, {
    attributes(given) {
      assert.equal(given, message);
      return { "order.id": 7 };
    },
  });
  assert.equal(span?.attributes["order.id"], 7);
});

test("onEnd() is told how handling ended, before the span does", async () => {
  const results: unknown[] = [];
  const options: Options = {
    onEnd(span, result) {
      assert.equal(span.isRecording(), true);
      span.setAttribute("seen", true);
      results.push(result);
    },
  };
  const span = await processed(record(), options);
  assert.equal(span?.attributes["seen"], true);
  const incoming = stubConsumer();
  const error = new Error("failed");
  await traced(incoming.client, options).run({
    eachMessage: async () => {
      throw error;
    },
  });
  await assert.rejects(incoming.deliver(record()) as Promise<void>, error);
  assert.deepEqual(results, [{}, { error }]);
});

test("a span that does not record asks the application for nothing", async () => {
  await observed.shutdown();
  observed = tracing({ sampler: "always_off" });
  let asked = 0;
  await processed(record(), {
    attributes: () => void (asked += 1),
    onEnd: () => void (asked += 1),
  });
  assert.equal(asked, 0);
  assert.deepEqual(observed.spans(), []);
});

test("an ignored destination gets no scope and no span, and its handlers run", async () => {
  const incoming = stubConsumer();
  const asked: string[] = [];
  let handled = 0;
  const consumer = traced(incoming.client, {
    ignore(destination) {
      asked.push(destination);
      return destination === "audit";
    },
  });
  const handle = (message: object): void => {
    handled += 1;
    processRecord(message, () => (handled += 1));
  };
  await consumer.run({
    eachMessage: async ({ message }) => handle(message),
    eachBatch: async ({ batch }) => batch.messages.forEach(handle),
  });
  for (const topic of ["audit", "audit", "orders"]) {
    await incoming.deliver(record(), { topic });
    await incoming.deliverBatch([record()], { topic });
  }
  assert.equal(handled, 12);
  assert.deepEqual(asked, ["audit", "orders"]);
  assert.deepEqual(
    observed.spans().map(({ name }) => name),
    ["process orders", "process orders", "process orders"],
  );
});

test("a message that was delivered keeps what is known of it when it is handled later, elsewhere", async () => {
  const incoming = stubConsumer();
  const queue: ReturnType<typeof record>[] = [];
  await traced(incoming.client, { groupId: "payments" }).run({
    eachBatch: async ({ batch }) => void queue.push(...batch.messages),
  });
  await incoming.deliverBatch([record()], { partition: 5 });
  observed.reset();
  for (const message of queue) processRecord(message, () => {});
  const [span] = observed.spans();
  assert.equal(span?.name, "process orders");
  assert.equal(span.attributes["messaging.destination.partition.id"], "5");
  assert.equal(span.attributes["messaging.consumer.group.name"], "payments");
});

test("a message that nobody delivered gets its scope all the same; that its span says less is warned of once", () => {
  const warnings: string[] = [];
  const logger = {
    error() {},
    info() {},
    debug() {},
    verbose() {},
    warn: (text: string) => void warnings.push(text),
  };
  diag.setLogger(logger, DiagLogLevel.WARN);
  const headers = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" };
  assert.equal(
    processMessage({ headers }, () => 1),
    1,
  );
  assert.equal(
    processMessage({ headers }, () => 2),
    2,
  );
  diag.disable();
  assert.equal(warnings.filter((text) => text.includes("{ system, destination }")).length, 1);
  const [span] = observed.spans();
  assert.equal(span?.name, "process");
  assert.equal(span.parentSpanContext?.spanId, "00f067aa0ba902b7");
  assert.equal("messaging.destination.name" in span.attributes, false);
});

test("an id that is told beside a message is on its span", () => {
  const told = { system: "nats", destination: "questions", messageId: "m-17" };
  processMessage({ headers: {} }, () => {}, told);
  assert.equal(observed.spans()[0]?.attributes["messaging.message.id"], "m-17");
});
