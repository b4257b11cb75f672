// In a suppressed region no span is made, and no trace is broken either: what a message carries
// goes on by itself.
import { type Context, context, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import {
  CompositePropagator,
  suppressTracing,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Message } from "kafkajs";
import { deadLetter, type Options, processMessage, traced } from "throughline/kafkajs";
import { tracing, type Tracing } from "./sdk.ts";
import { carried, header, record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;
const suppressed = suppressTracing(ROOT_CONTEXT);
const activeSpan = (): string | undefined => trace.getActiveSpan()?.spanContext().spanId;

async function sent(
  messages: Message[],
  options: Options = {},
  active: Context = suppressed,
): Promise<Message[]> {
  const outgoing = stubProducer();
  const producer = traced(outgoing.client, options);
  await context.with(active, () => producer.send({ topic: "next", messages }));
  return outgoing.messages();
}

test("a handler has its message's own context, whatever the relation", async () => {
  for (const relation of ["parent", "link", "both"] as const) {
    const incoming = stubConsumer();
    const seen: unknown[] = [];
    await traced(incoming.client, { relation }).run({
      eachMessage: async () =>
        void seen.push([
          activeSpan(),
          propagation.getActiveBaggage()?.getEntry("user")?.value,
          context.active().getValue(Symbol.for("OpenTelemetry SDK Context Key SUPPRESS_TRACING")),
        ]),
    });
    const message = record({ traceparent: TRACEPARENT, baggage: "user=7" });
    await context.with(suppressed, () => incoming.deliver(message));
    assert.deepEqual(seen, [[SPAN, "7", true]]);
  }
  assert.deepEqual(observed.spans(), []);
});

test("each message of a batch has its own, the batch none", async () => {
  const incoming = stubConsumer();
  const seen: unknown[] = [];
  await traced(incoming.client).run({
    eachBatch: async ({ batch }) => {
      seen.push(activeSpan() === SPAN);
      for (const message of batch.messages) {
        processMessage(message, () => seen.push(activeSpan() === SPAN));
      }
    },
  });
  const messages = [record({ traceparent: TRACEPARENT }), record()];
  await context.with(suppressed, () => incoming.deliverBatch(messages));
  assert.deepEqual(seen, [false, true, false]);
});

for (const [way, count] of [
  ["one message", 1],
  ["a few", 3],
  ["many", 200],
] as const) {
  const carrying = (): Message[] =>
    Array.from({ length: count }, () => ({ value: "1", headers: { traceparent: TRACEPARENT } }));

  test(`sending ${way}: the context that a message carries goes with it`, async () => {
    const messages = await sent(carrying());
    assert.equal(messages.length, count);
    for (const message of messages) assert.equal(header(message, "traceparent"), TRACEPARENT);
    assert.deepEqual(observed.spans(), []);
  });

  test(`sending ${way} by a propagator that writes nothing there: the message stays as it is`, async () => {
    const propagator = new CompositePropagator({
      propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
    });
    const messages = await sent(carrying(), { propagator });
    for (const message of messages) assert.equal(header(message, "traceparent"), TRACEPARENT);
  });

  test(`sending ${way} that carry the active trace: they stay in it, by whichever propagator`, async () => {
    const ambient = { traceId: TRACE, spanId: "b7ad6b7169203331", traceFlags: 1 };
    const active = trace.setSpanContext(suppressed, ambient);
    for (const options of [{}, { propagator: new W3CTraceContextPropagator() }]) {
      const messages = await sent(carrying(), options, active);
      for (const message of messages) assert.equal(carried(message).traceId, TRACE);
    }
  });

  test(`sending ${way}: the active context is what they carry, as without spans`, async () => {
    const ambient = { traceId: TRACE, spanId: "b7ad6b7169203331", traceFlags: 1 };
    const messages = Array.from({ length: count }, () => ({ value: "1" }));
    for (const message of await sent(messages, {}, trace.setSpanContext(suppressed, ambient))) {
      assert.equal(carried(message).spanId, ambient.spanId);
    }
  });

  test(`sending ${way} that carry nothing: they carry nothing`, async () => {
    const messages = await sent(Array.from({ length: count }, () => ({ value: "1" })));
    for (const message of messages) assert.equal(header(message, "traceparent"), undefined);
  });
}

test("without an SDK too a handler has its message's context, and hands it on", async () => {
  trace.disable();
  const incoming = stubConsumer();
  const outgoing = stubProducer();
  const producer = traced(outgoing.client);
  await traced(incoming.client).run({
    eachMessage: async () =>
      void (await producer.send({ topic: "next", messages: [{ value: "1" }] })),
  });
  await incoming.deliver(record({ traceparent: TRACEPARENT, baggage: "user=7" }));
  const [message] = outgoing.messages() as [Message];
  assert.equal(header(message, "traceparent"), TRACEPARENT);
  assert.equal(header(message, "baggage"), "user=7");
});

for (const [way, options, disable] of [
  ["without an SDK", {}, true],
  ["without spans", { spans: "off" }, false],
] as const) {
  test(`${way} a dead letter names no failed attempt, and carries its message's own context`, async () => {
    if (disable) trace.disable();
    const message = record({ traceparent: TRACEPARENT });
    const headers: unknown[] = [];
    const keep = (): void => void headers.push(deadLetter(message, new Error("declined")).headers);
    const incoming = stubConsumer();
    await traced(incoming.client, options).run({
      eachMessage: async () => {
        keep();
        throw new Error("declined");
      },
    });
    await assert.rejects(async () => incoming.deliver(message));
    keep();
    assert.equal(headers.length, 2);
    for (const letter of headers as Record<string, unknown>[]) {
      assert.equal(letter["dlq.failed"], undefined);
      assert.equal(letter["traceparent"], TRACEPARENT);
    }
  });
}
