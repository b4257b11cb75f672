// What each option does to sends and counts, and in whose favour two sources of one fact decide.
// What options do to a process span: process-described.test.ts. What is refused: options-refused.test.ts.
import { SpanKind, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Kafka, Message } from "kafkajs";
import { deadLetter, type Options, processMessage, traced } from "throughline/kafkajs";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";
import { header, record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const names = (): string[] => observed.spans().map(({ name }) => name);

/** Sends messages to a topic through a producer with these options. */
async function sent(
  options: Options,
  topic: string,
  messages: Message[] = [{ key: "k", value: "v" }],
): Promise<{ given: Message[]; spans: FinishedSpan[] }> {
  const outgoing = stubProducer();
  await traced(outgoing.client, options).send({ topic, messages });
  return { given: outgoing.messages(), spans: observed.spans() };
}

/** The attributes of the points that one destination's messages made of a metric. */
async function points(metric: string, key: string, value: string): Promise<object[]> {
  const collected = (await observed.metrics()).get(metric)?.points ?? [];
  return collected.map(({ attributes }) => attributes).filter((each) => each[key] === value);
}

test("ignore: a send to such a destination is made as it is, without a span or a header", async () => {
  const ignore = (destination: string): boolean => destination === "audit";
  const { given } = await sent({ ignore }, "audit");
  assert.deepEqual(given, [{ key: "k", value: "v" }]);
  assert.deepEqual(names(), []);
  const { given: other } = await sent({ ignore }, "orders");
  assert.deepEqual(names(), ["send orders"]);
  assert.equal(typeof header(other[0] ?? {}, "traceparent"), "string");
});

test("ignore: what stands for a destination elsewhere is not asked: true alone ignores", async () => {
  await sent({ ignore: (() => "yes") as never }, "orders");
  assert.deepEqual(names(), ["send orders"]);
});

test("destinationTemplate: in the names of all spans, beside the destination in their attributes", async () => {
  const options: Options = {
    destinationTemplate: (destination) =>
      destination.startsWith("customer-") ? "customer-{id}" : undefined,
  };
  const incoming = stubConsumer();
  await traced(incoming.client, options).run({ eachMessage: async () => {} });
  await incoming.deliver(record(), { topic: "customer-7" });
  await sent(options, "customer-8", [{ value: "a" }, { value: "b" }]);
  await sent(options, "orders");
  assert.deepEqual(names(), [
    "process customer-{id}",
    "create customer-{id}",
    "create customer-{id}",
    "send customer-{id}",
    "send orders",
  ]);
  assert.deepEqual(
    observed
      .spans()
      .map(({ attributes }) => [
        attributes["messaging.destination.name"],
        attributes["messaging.destination.template"],
      ]),
    [
      ["customer-7", "customer-{id}"],
      ["customer-8", "customer-{id}"],
      ["customer-8", "customer-{id}"],
      ["customer-8", "customer-{id}"],
      ["orders", undefined],
    ],
  );
});

test("destinationTemplate: in metrics the template stands alone, one series for all of its destinations", async () => {
  const { meterProvider } = observed;
  const options: Options = { meterProvider, destinationTemplate: () => "customer-{id}" };
  const incoming = stubConsumer();
  await traced(incoming.client, options).run({ eachMessage: async () => {} });
  for (const topic of ["customer-7", "customer-8"]) {
    await incoming.deliver(record(), { topic });
    await sent(options, topic);
  }
  for (const metric of [
    "messaging.process.duration",
    "messaging.client.operation.duration",
    "messaging.client.consumed.messages",
    "messaging.client.sent.messages",
    "throughline.context",
  ]) {
    const found = await points(metric, "messaging.destination.template", "customer-{id}");
    assert.equal(found.length, 1, metric);
    assert.equal("messaging.destination.name" in (found[0] ?? {}), false, metric);
  }
});

test("messageKey: false keeps keys out of create, send and process spans", async () => {
  for (const [messageKey, keys] of [
    [false, [undefined, undefined, undefined]],
    [true, ["k", "a", "k"]],
  ] as const) {
    observed.reset();
    const incoming = stubConsumer();
    await traced(incoming.client, { messageKey }).run({ eachMessage: async () => {} });
    await incoming.deliver(record({}, { key: Buffer.from("k") }));
    await sent({ messageKey }, "orders", [{ key: "a", value: "1" }, { value: "2" }]);
    await sent({ messageKey }, "orders");
    const found = ["process orders", "create orders", "send orders"].map((name) => {
      const spans = observed.spans().filter((span) => span.name === name);
      return spans.map(({ attributes }) => attributes["messaging.kafka.message.key"]).find(Boolean);
    });
    assert.deepEqual(found, keys);
  }
});

test("server and clientId: on create, send and commit spans too", async () => {
  const options: Options = { clientId: "app-1", server: { address: "kafka-1", port: 9092 } };
  await sent(options, "orders", [{ value: "a" }, { value: "b" }]);
  const consumer = traced(stubConsumer().client, options);
  await consumer.commitOffsets([{ topic: "orders", partition: 0, offset: "1" }]);
  assert.deepEqual(names(), ["create orders", "create orders", "send orders", "commit orders"]);
  for (const { attributes, name } of observed.spans()) {
    assert.equal(attributes["messaging.client.id"], "app-1", name);
    assert.equal(attributes["server.address"], "kafka-1", name);
    assert.equal(attributes["server.port"], 9092, name);
  }
});

/** A Kafka whose consumers are stubs. */
function stubKafka(): { kafka: Kafka; incoming: ReturnType<typeof stubConsumer> } {
  const incoming = stubConsumer();
  const kafka = { producer: () => stubProducer().client, consumer: () => incoming.client };
  return { kafka: kafka as unknown as Kafka, incoming };
}

test("groupId: where the client tells its group that one holds, else the option", async () => {
  for (const [own, group] of [
    [{ groupId: "payments" }, "payments"],
    [{}, "told"],
  ] as const) {
    observed.reset();
    const { kafka, incoming } = stubKafka();
    const consumer = traced(kafka, { groupId: "told" }).consumer(own as { groupId: string });
    await consumer.run({ eachMessage: async () => {} });
    await incoming.deliver(record());
    assert.equal(observed.spans()[0]?.attributes["messaging.consumer.group.name"], group);
  }
});

test("groupId: a consumer that is traced by itself tells its group when it joins, and until then the option does", async () => {
  const incoming = stubConsumer();
  const listeners: ((event: object) => void)[] = [];
  const on = (name: string, listener: (event: object) => void): (() => void) => {
    if (name === "consumer.group_join") listeners.push(listener);
    return () => {};
  };
  Object.assign(incoming.client, { on });
  const consumer = traced(incoming.client, { groupId: "told" });
  await consumer.commitOffsets([]);
  for (const listener of listeners) listener({ payload: { groupId: "payments" } });
  await consumer.run({ eachMessage: async () => {} });
  await incoming.deliver(record());
  await consumer.commitOffsets([]);
  assert.deepEqual(
    observed.spans().map(({ attributes }) => attributes["messaging.consumer.group.name"]),
    ["told", "payments", "payments"],
  );
});

test("attributes: what the message's own span already says may be overruled, and nothing is a value too", async () => {
  const incoming = stubConsumer();
  await traced(incoming.client, {
    attributes: (message) =>
      (message as { key: unknown }).key === null ? undefined : { "messaging.kafka.offset": -1 },
  }).run({
    eachMessage: async ({ message }) => processMessage(message, () => {}),
  });
  await incoming.deliver(record({}, { key: Buffer.from("k") }));
  await incoming.deliver(record({}, { offset: "7" }));
  assert.deepEqual(
    observed.spans().map(({ attributes }) => attributes["messaging.kafka.offset"]),
    [-1, 7],
  );
});

test("inject: false sends messages and their headers as they are, and the spans say so", async () => {
  const carried = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" };
  const messages = [{ value: "a" }, { value: "b", headers: carried }];
  const { given } = await sent({ inject: false }, "orders", messages);
  assert.deepEqual(
    given.map(({ headers }) => headers),
    [undefined, carried],
  );
  assert.deepEqual(names(), ["send orders"]);
  const { given: one } = await sent({ inject: false }, "orders");
  assert.equal(one[0]?.headers, undefined);
  assert.deepEqual(
    observed.spans().map(({ kind }) => kind),
    [SpanKind.CLIENT, SpanKind.CLIENT],
  );
});

test("tracerProvider and propagator: the ones given run in place of the global ones", async () => {
  const { tracerProvider } = observed;
  trace.disable();
  const seen: string[] = [];
  const propagator = {
    fields: () => ["x-own"],
    inject: (_context: unknown, carrier: unknown, setter: { set(...args: unknown[]): void }) =>
      setter.set(carrier, "x-own", "here"),
    extract<Given>(given: Given): Given {
      seen.push("extract");
      return given;
    },
  };
  const options: Options = { tracerProvider, propagator };
  const { given } = await sent(options, "orders");
  assert.deepEqual(names(), ["send orders"]);
  assert.deepEqual(given[0]?.headers, { "x-own": "here" });
  const incoming = stubConsumer();
  await traced(incoming.client, options).run({
    eachMessage: async ({ message }) => {
      const letter = deadLetter(message, new Error("x"));
      assert.equal(letter.headers["x-own"], "here");
    },
  });
  await incoming.deliver(record());
  assert.ok(seen.length > 0);
});
