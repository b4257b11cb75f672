// Baggage is carried beside the trace, by rules of its own. Rule 7 of the design.
import { type Context, context, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Message } from "kafkajs";
import { type Options, processMessage, traced } from "throughline/kafkajs";
import { tracing, type Tracing } from "./sdk.ts";
import { header, record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

const withBaggage = (base: Context, user: string): Context =>
  propagation.setBaggage(base, propagation.createBaggage({ user: { value: user } }));
const user = (): string | undefined => propagation.getActiveBaggage()?.getEntry("user")?.value;

test("it is active in the handler whatever became of traceparent", async () => {
  const incoming = stubConsumer();
  const seen: unknown[] = [];
  await traced(incoming.client).run({ eachMessage: async () => void seen.push(user()) });
  const several = [TRACEPARENT, `00-${"a".repeat(32)}-${SPAN}-01`];
  for (const traceparent of [TRACEPARENT, [], "garbage", ["garbage", "garbage"], several]) {
    await incoming.deliver(record({ traceparent, baggage: "user=7" }));
  }
  assert.deepEqual(seen, ["7", "7", "7", "7", "7"]);
});

test("the ambient baggage is not the message's", async () => {
  const incoming = stubConsumer();
  const seen: unknown[] = [];
  await traced(incoming.client).run({
    eachMessage: async ({ message }) => {
      seen.push(user());
      const other = record({ traceparent: TRACEPARENT });
      if (message.headers?.["baggage"] !== undefined)
        processMessage(other, () => seen.push(user()));
    },
  });
  await context.with(withBaggage(ROOT_CONTEXT, "boot"), async () => {
    await incoming.deliver(record({ traceparent: TRACEPARENT }));
    await incoming.deliver(record({ baggage: "user=7" }));
  });
  assert.deepEqual(seen, [undefined, "7", undefined]);
});

async function sent(
  message: Message,
  active: Context,
  options: Options = {},
  others: Message[] = [],
): Promise<unknown> {
  const outgoing = stubProducer();
  const messages = [message, ...others];
  await context.with(active, () =>
    traced(outgoing.client, options).send({ topic: "next", messages }),
  );
  return header(outgoing.messages()[0] as Message, "baggage");
}

const span = (traceId: string): Context =>
  trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId: "b7ad6b7169203331", traceFlags: 1 });
const IN_TRACE = span(TRACE);
const ELSEWHERE = span("0af7651916cd43dd8448eb211c80319c");
const carrying = { value: "1", headers: { traceparent: TRACEPARENT, baggage: "user=carried" } };
const many = Array.from({ length: 200 }, () => ({ value: "1" }));

// Each way a send takes: one message, a create span each, one span for all, no span at all.
for (const [way, options, others] of [
  ["one message", {}, []],
  ["a few", {}, [{ value: "2" }]],
  ["many", {}, many],
  ["createSpans false", { createSpans: false }, [{ value: "2" }]],
  ["spans off", { spans: "off" }, [{ value: "2" }]],
] as const) {
  const of = (message: Message, active: Context): Promise<unknown> =>
    sent(message, active, options, [...others]);

  test(`sending ${way}: the active baggage is sent`, async () => {
    assert.equal(await of({ value: "1" }, withBaggage(IN_TRACE, "active")), "user=active");
    assert.equal(await of({ value: "1" }, withBaggage(ROOT_CONTEXT, "active")), "user=active");
  });

  test(`sending ${way}: the active baggage wins over the carried`, async () => {
    for (const active of [IN_TRACE, ELSEWHERE, ROOT_CONTEXT]) {
      assert.equal(await of(carrying, withBaggage(active, "active")), "user=active");
    }
  });

  test(`sending ${way}: where the carried context is the parent its baggage goes with it`, async () => {
    assert.equal(await of(carrying, ELSEWHERE), "user=carried");
    assert.equal(await of(carrying, ROOT_CONTEXT), "user=carried");
  });

  test(`sending ${way}: the carried baggage does not stay beside a new traceparent`, async () => {
    assert.equal(await of(carrying, IN_TRACE), undefined);
  });

  test(`sending ${way}: baggage set by hand on a message without a traceparent is sent`, async () => {
    const byHand = { value: "1", headers: { baggage: "user=by-hand" } };
    assert.equal(await of(byHand, IN_TRACE), "user=by-hand");
    assert.equal(await of(byHand, ROOT_CONTEXT), "user=by-hand");
    assert.equal(await of(byHand, withBaggage(ROOT_CONTEXT, "active")), "user=active");
  });
}

test("it is handed on from a handler to what it sends", async () => {
  const incoming = stubConsumer();
  const outgoing = stubProducer();
  const producer = traced(outgoing.client);
  await traced(incoming.client).run({
    eachMessage: async () =>
      void (await producer.send({ topic: "next", messages: [{ value: "1" }] })),
  });
  await incoming.deliver(record({ traceparent: TRACEPARENT, baggage: "user=7;ttl=30" }));
  assert.equal(header(outgoing.messages()[0] as Message, "baggage"), "user=7;ttl=30");
});
