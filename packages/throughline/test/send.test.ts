// What spans a send makes, and which of them each message carries. Rule 3 of the design.
import {
  context,
  ROOT_CONTEXT,
  SamplingDecision,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Message, ProducerBatch, ProducerRecord } from "kafkajs";
import { type Options, traced } from "throughline/kafkajs";
import { type FinishedSpan, type SamplerChoice, tracing, type Tracing } from "./sdk.ts";
import { carried, header, stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const AMBIENT = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: 1,
};
const active = trace.setSpanContext(ROOT_CONTEXT, AMBIENT);

const messages = (count: number): Message[] =>
  Array.from({ length: count }, (_, at) => ({ value: String(at) }));
const named = (name: string): FinishedSpan[] =>
  observed.spans().filter((span) => span.name === name);
const ids = (spans: readonly FinishedSpan[]): string[] =>
  spans.map((span) => span.spanContext().spanId);
const linked = (span: FinishedSpan | undefined): string[] =>
  span?.links.map((link) => link.context.spanId) ?? [];
const spanIds = (sent: readonly Message[]): string[] =>
  sent.map((message) => carried(message).spanId);

/** What kafkajs is given when so many messages are sent under the ambient span. */
async function send(count: number, options: Options = {}): Promise<Message[]> {
  const { client, messages: sent } = stubProducer();
  const producer = traced(client, options);
  await context.with(active, () => producer.send({ topic: "orders", messages: messages(count) }));
  return sent();
}

async function sendBatch(counts: Record<string, number>, options: Options = {}) {
  const { client, calls } = stubProducer();
  const topicMessages = Object.entries(counts).map(([topic, count]) => ({
    topic,
    messages: messages(count),
  }));
  await context.with(active, () => traced(client, options).sendBatch({ topicMessages }));
  return { topicMessages, sent: (calls[0] as ProducerBatch).topicMessages ?? [] };
}

test("one message: a PRODUCER send span under the active one, whose context it carries", async () => {
  const [message] = await send(1);
  const [span, ...others] = observed.spans();
  assert.deepEqual(others, []);
  assert.equal(span?.name, "send orders");
  assert.equal(span.kind, SpanKind.PRODUCER);
  assert.equal(span.parentSpanContext?.spanId, AMBIENT.spanId);
  assert.deepEqual(span.links, []);
  assert.deepEqual(
    { ...span.attributes },
    {
      "messaging.operation.name": "send",
      "messaging.operation.type": "send",
      "messaging.system": "kafka",
      "messaging.destination.name": "orders",
    },
  );
  assert.deepEqual(carried(message as Message), {
    traceId: AMBIENT.traceId,
    spanId: span.spanContext().spanId,
    flags: "01",
  });
});

test("one message with nothing active: the send span is the root of a trace", async () => {
  const { client, messages: sent } = stubProducer();
  await traced(client).send({ topic: "orders", messages: messages(1) });
  const [span] = observed.spans();
  assert.equal(span?.parentSpanContext, undefined);
  assert.equal(carried(sent()[0] as Message).traceId, span?.spanContext().traceId);
});

for (const count of [2, 128]) {
  test(`${count} messages: a create span each, and one CLIENT send span that links to them`, async () => {
    const sent = await send(count);
    const created = named("create orders");
    const [span] = named("send orders");
    assert.equal(created.length, count);
    assert.equal(observed.spans().length, count + 1);
    assert.deepEqual(spanIds(sent), ids(created));
    assert.deepEqual(linked(span), ids(created));
    assert.equal(span?.kind, SpanKind.CLIENT);
    assert.equal(span.attributes["messaging.batch.message_count"], count);
    for (const each of [span, ...created]) {
      assert.equal(each.parentSpanContext?.spanId, AMBIENT.spanId);
    }
    for (const each of created) {
      assert.equal(each.kind, SpanKind.PRODUCER);
      assert.equal(each.attributes["messaging.operation.name"], "create");
      assert.equal(each.attributes["messaging.operation.type"], "create");
      assert.equal("messaging.batch.message_count" in each.attributes, false);
    }
  });
}

/** Turns every span down, and counts how often it was asked about a create span. */
function decliner() {
  const asked = { create: 0 };
  const sampler: SamplerChoice = {
    shouldSample(_context, _traceId, name) {
      if (name.startsWith("create ")) asked.create += 1;
      return { decision: SamplingDecision.NOT_RECORD };
    },
    toString: () => "decliner",
  };
  return { asked, sampler };
}

test("a create span that is turned down is not asked for again in the same call and trace", async () => {
  const { asked, sampler } = decliner();
  await observed.shutdown();
  observed = tracing({ sampler });
  const sent = await send(3);
  assert.equal(asked.create, 1);
  const [first] = sent.map(carried);
  assert.equal(first?.traceId, AMBIENT.traceId);
  assert.equal(first.flags, "00");
  assert.notEqual(first.spanId, AMBIENT.spanId);
  assert.deepEqual(spanIds(sent), [first.spanId, first.spanId, first.spanId]);
});

test("with nothing active each create span is asked for: it would be the root of a trace of its own", async () => {
  const { asked, sampler } = decliner();
  await observed.shutdown();
  observed = tracing({ sampler });
  const { client, messages: sent } = stubProducer();
  await traced(client).send({ topic: "orders", messages: messages(3) });
  assert.equal(asked.create, 3);
  assert.equal(new Set(sent().map((message) => carried(message).traceId)).size, 3);
});

test("a message that brings a trace of its own is asked for though its neighbours are turned down", async () => {
  const { asked, sampler } = decliner();
  await observed.shutdown();
  observed = tracing({ sampler });
  const { client, messages: sent } = stubProducer();
  const other = "4bf92f3577b34da6a3ce929d0e0e4736";
  const brought = { value: "2", headers: { traceparent: `00-${other}-00f067aa0ba902b7-01` } };
  const all = [...messages(2), brought, ...messages(1)];
  await context.with(active, () => traced(client).send({ topic: "orders", messages: all }));
  assert.equal(asked.create, 2);
  const traces = sent().map((message) => carried(message).traceId);
  assert.deepEqual(traces, [AMBIENT.traceId, AMBIENT.traceId, other, AMBIENT.traceId]);
});

for (const [what, count, options] of [
  ["129 messages", 129, {}],
  ["createSpans false", 2, { createSpans: false }],
] as const) {
  test(`${what}: one PRODUCER send span, whose context all carry`, async () => {
    const sent = await send(count, options);
    const [span, ...others] = observed.spans();
    assert.deepEqual(others, []);
    assert.equal(span?.name, "send orders");
    assert.equal(span.kind, SpanKind.PRODUCER);
    assert.equal(span.attributes["messaging.batch.message_count"], count);
    assert.deepEqual(new Set(spanIds(sent)), new Set(ids([span])));
  });
}

test("a create span ends before the messages are handed over, the send span when they are sent", async () => {
  let open = -1;
  const { client } = stubProducer(async () => {
    open = observed.open().length;
  });
  await traced(client).send({ topic: "orders", messages: messages(2) });
  assert.equal(open, 1);
  assert.equal(observed.open().length, 0);
});

test("sendBatch: a send span a topic, and the messages of the whole call decide", async () => {
  const { sent } = await sendBatch({ orders: 2, invoices: 3 });
  const created = [...named("create orders"), ...named("create invoices")];
  assert.deepEqual(
    sent.flatMap((topic) => spanIds(topic.messages)),
    ids(created),
  );
  assert.deepEqual(linked(named("send orders")[0]), ids(named("create orders")));
  assert.deepEqual(linked(named("send invoices")[0]), ids(named("create invoices")));
  observed.reset();
  const { sent: many } = await sendBatch({ orders: 70, invoices: 70 });
  assert.equal(observed.spans().length, 2);
  for (const [at, { topic, messages: each }] of many.entries()) {
    assert.deepEqual(new Set(spanIds(each)), new Set(ids(named(`send ${topic}`))), String(at));
  }
});

test("sendBatch of one message is as send of one", async () => {
  const { sent } = await sendBatch({ orders: 1 });
  assert.deepEqual(spanIds(sent[0]?.messages ?? []), ids(named("send orders")));
  assert.equal(observed.spans().length, 1);
  assert.equal(observed.spans()[0]?.kind, SpanKind.PRODUCER);
});

test("a transaction's sends are traced as the producer's own", async () => {
  const { client, messages: sent } = stubProducer();
  const transaction = await traced(client).transaction();
  await transaction.send({ topic: "orders", messages: messages(1) });
  await transaction.sendBatch({ topicMessages: [{ topic: "invoices", messages: messages(1) }] });
  await transaction.commit();
  assert.deepEqual(spanIds(sent()), ids(observed.spans()));
  assert.deepEqual(
    observed.spans().map(({ name }) => name),
    ["send orders", "send invoices"],
  );
});

test("a message with a Map for headers, of which kafkajs sends none, carries its context in an object", async () => {
  const { client, messages: given } = stubProducer();
  const headers = new Map([["tenant", "a"]]);
  await traced(client).send({
    topic: "orders",
    messages: [{ value: "1", headers: headers as never }],
  });
  const [sent] = given();
  assert.equal(sent?.headers instanceof Map, false);
  assert.deepEqual(Object.keys(sent?.headers ?? {}), ["traceparent"]);
  assert.deepEqual([...headers], [["tenant", "a"]]);
});

test("what a message's span says of it", async () => {
  const { client } = stubProducer();
  const producer = traced(client, { clientId: "app-1", destinationTemplate: () => "orders-{id}" });
  const tombstone = { key: "7", value: null, partition: 3 };
  await producer.send({ topic: "orders-7", messages: [tombstone] });
  assert.deepEqual(
    { ...named("send orders-{id}")[0]?.attributes },
    {
      "messaging.operation.name": "send",
      "messaging.operation.type": "send",
      "messaging.system": "kafka",
      "messaging.destination.name": "orders-7",
      "messaging.destination.template": "orders-{id}",
      "messaging.destination.partition.id": "3",
      "messaging.client.id": "app-1",
      "messaging.kafka.message.key": "7",
      "messaging.kafka.message.tombstone": true,
    },
  );
  await producer.send({ topic: "orders-7", messages: [tombstone, { key: "8", value: "x" }] });
  const keys = named("create orders-{id}").map(
    (span) => span.attributes["messaging.kafka.message.key"],
  );
  assert.deepEqual(keys, ["7", "8"]);
});

test("messageKey false keeps keys out", async () => {
  const { client } = stubProducer();
  await traced(client, { messageKey: false }).send({
    topic: "orders",
    messages: [{ key: "secret", value: "1" }],
  });
  assert.equal("messaging.kafka.message.key" in (observed.spans()[0]?.attributes ?? {}), false);
});

test("a send that fails is an error with its type, and rejects with the very error", async () => {
  const error = Object.assign(new Error("no leader"), { name: "KafkaJSProtocolError" });
  const { client } = stubProducer(() => Promise.reject(error));
  await assert.rejects(traced(client).send({ topic: "orders", messages: messages(1) }), error);
  const [span] = observed.spans();
  assert.deepEqual(span?.status, { code: SpanStatusCode.ERROR, message: "no leader" });
  assert.equal(span.attributes["error.type"], "KafkaJSProtocolError");
});

for (const method of ["send", "sendBatch"] as const) {
  test(`${method}: the client's own promise where no span records and nothing is measured, else one of its own`, async () => {
    const promises: Promise<unknown>[] = [];
    const { client } = stubProducer(() => {
      promises.push(Promise.resolve([]));
      return promises.at(-1);
    });
    const sent = (options: Options): Promise<unknown> =>
      method === "send"
        ? traced(client, options).send({ topic: "orders", messages: messages(1) })
        : traced(client, options).sendBatch({
            topicMessages: [{ topic: "orders", messages: messages(1) }],
          });
    const recorded = sent({});
    await recorded;
    assert.notEqual(recorded, promises[0]);
    assert.deepEqual(observed.open(), []);
    await observed.shutdown();
    // The client keeps its first options; nothing is registered any more.
    const unrecorded = sent({});
    await unrecorded;
    assert.equal(unrecorded, promises[1]);
  });
}

test("a send that nothing waits for throws and rejects what its client does", async () => {
  await observed.shutdown();
  const error = new Error("no leader");
  const rejecting = stubProducer(() => Promise.reject(error)).client;
  await assert.rejects(traced(rejecting).send({ topic: "orders", messages: messages(1) }), error);
  const throwing = stubProducer(() => {
    throw error;
  }).client;
  assert.throws(() => traced(throwing).send({ topic: "orders", messages: messages(1) }), error);
});

test("without spans the messages carry the active context, and without one nothing", async () => {
  const sent = await send(3, { spans: "off" });
  assert.deepEqual(new Set(spanIds(sent)), new Set([AMBIENT.spanId]));
  const { client, messages: bare } = stubProducer();
  await traced(client, { spans: "off" }).send({ topic: "orders", messages: messages(1) });
  assert.equal(header(bare()[0] as Message, "traceparent"), undefined);
  assert.deepEqual(observed.spans(), []);
});

test("a trace that is not sampled is carried on as such", async () => {
  await observed.shutdown();
  observed = tracing({ sampler: "always_off" });
  for (const count of [1, 2, 129]) {
    const sent = await send(count);
    for (const message of sent) {
      const { traceId, flags } = carried(message);
      assert.deepEqual([traceId, flags], [AMBIENT.traceId, "00"]);
    }
  }
});

test("inject false writes no header: the messages are the application's, the span a CLIENT one", async () => {
  for (const count of [1, 2, 129]) {
    observed.reset();
    const headers = { traceparent: "the application's own" };
    const given = Array.from({ length: count }, () => ({ value: "1", headers }));
    const { client, messages: sent } = stubProducer();
    await traced(client, { inject: false }).send({ topic: "orders", messages: given });
    assert.equal(sent().length, count);
    for (const message of sent()) assert.equal(message.headers, headers);
    const [span, ...others] = observed.spans();
    assert.deepEqual(others, []);
    assert.equal(span?.kind, SpanKind.CLIENT, `${count} messages`);
  }
});

test("an ignored destination's record is handed over as it is, without a span", async () => {
  const { client, calls } = stubProducer();
  const given: ProducerRecord = { topic: "audit", messages: messages(2) };
  await traced(client, { ignore: (topic) => topic === "audit" }).send(given);
  assert.equal(calls[0], given);
  assert.deepEqual(observed.spans(), []);
});

test("an ignored destination in a batch of sends does not take the others with it", async () => {
  const { sent, topicMessages } = await sendBatch(
    { audit: 1, orders: 1 },
    { ignore: (topic) => topic === "audit" },
  );
  assert.equal(sent[0]?.messages[0], topicMessages[0]?.messages[0]);
  assert.deepEqual(spanIds(sent[1]?.messages ?? []), ids(named("send orders")));
  assert.equal(observed.spans().length, 1);
});

test("a topic without messages in a batch of sends does not take the others with it", async () => {
  const { sent } = await sendBatch({ orders: 1, invoices: 0 });
  assert.deepEqual(spanIds(sent[0]?.messages ?? []), ids(named("send orders")));
  assert.deepEqual(sent[1], { topic: "invoices", messages: [] });
  assert.equal(observed.spans().length, 1);
});
