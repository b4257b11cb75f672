// A message that already carries a context when it is sent: what it continues, what is linked, and
// what becomes of its headers. Rule 3 of the design.
import { type Context, context, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { IHeaders, Message } from "kafkajs";
import { links, type Options, traced } from "throughline/kafkajs";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";
import { carried, header, record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;
const AMBIENT = "b7ad6b7169203331";
const OTHER = "0af7651916cd43dd8448eb211c80319c";
const ambient = (traceId: string): Context =>
  trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId: AMBIENT, traceFlags: 1 });
const IN_TRACE = ambient(TRACE);
const ELSEWHERE = ambient(OTHER);

const spanOf = (at: number): string => (at + 1).toString(16).padStart(16, "0");
const linked = (span: FinishedSpan | undefined): string[] =>
  span?.links.map((link) => link.context.spanId) ?? [];

interface Sent {
  message: Message;
  spanId: string | undefined;
  /** The span that was made for the message: its create span, or the send span. */
  own: FinishedSpan | undefined;
  send: FinishedSpan | undefined;
}

async function sent(
  message: Message,
  active: Context,
  options: Options = {},
  others: readonly Message[] = [],
): Promise<Sent> {
  const outgoing = stubProducer();
  observed.reset();
  const given = { topic: "next", messages: [message, ...others] };
  await context.with(active, () => traced(outgoing.client, options).send(given));
  const [first] = outgoing.messages() as [Message];
  const send = observed.spans().find(({ name }) => name === "send next");
  const own = observed.spans().find(({ name }) => name === "create next") ?? send;
  const spanId =
    typeof header(first, "traceparent") === "string" ? carried(first).spanId : undefined;
  return { message: first, spanId, own, send };
}

const carrying = (headers: IHeaders = { traceparent: TRACEPARENT }): Message => ({
  value: "1",
  headers,
});
const bare: Message = { value: "2" };
const MANY = Array.from({ length: 200 }, () => bare);

for (const [way, others] of [
  ["one message", []],
  ["one of a few messages", [bare]],
] as const) {
  describe(way, () => {
    test("carrying the active trace: the active span is the parent, the header is replaced", async () => {
      const { own, spanId } = await sent(carrying(), IN_TRACE, {}, others);
      assert.equal(own?.spanContext().traceId, TRACE);
      assert.equal(own.parentSpanContext?.spanId, AMBIENT);
      assert.deepEqual(
        linked(own),
        linked(own).filter((id) => id !== SPAN && id !== AMBIENT),
      );
      assert.equal(spanId, own.spanContext().spanId);
    });

    test("carrying another trace: what it carries is the parent, the active span a link", async () => {
      const { own, spanId } = await sent(carrying(), ELSEWHERE, {}, others);
      assert.equal(own?.spanContext().traceId, TRACE);
      assert.equal(own.parentSpanContext?.spanId, SPAN);
      assert.deepEqual(linked(own), [AMBIENT]);
      assert.equal(spanId, own.spanContext().spanId);
    });

    test("with nothing active: what it carries is the parent", async () => {
      const { own, spanId } = await sent(carrying(), ROOT_CONTEXT, {}, others);
      assert.equal(own?.parentSpanContext?.spanId, SPAN);
      assert.deepEqual(linked(own), []);
      assert.equal(spanId, own.spanContext().spanId);
    });

    test("carrying what is malformed: it is replaced as if it were not there", async () => {
      const { own, message } = await sent(
        carrying({ traceparent: "garbage" }),
        IN_TRACE,
        {},
        others,
      );
      assert.equal(own?.parentSpanContext?.spanId, AMBIENT);
      assert.equal(carried(message).spanId, own.spanContext().spanId);
    });

    test("carrying several traces: the active span is the parent, each of them a link", async () => {
      const several = [TRACEPARENT, `00-${OTHER}-${SPAN}-01`];
      const { own, spanId } = await sent(carrying({ traceparent: several }), IN_TRACE, {}, others);
      assert.equal(own?.parentSpanContext?.spanId, AMBIENT);
      assert.deepEqual(
        own.links.map((link) => link.context.traceId),
        [TRACE, OTHER],
      );
      assert.equal(spanId, own.spanContext().spanId);
    });

    test("all of the propagator's headers are replaced as one set, in every letter case", async () => {
      const headers = {
        Traceparent: TRACEPARENT,
        TRACEPARENT: Buffer.from(TRACEPARENT),
        Tracestate: "stale=1",
        BAGGAGE: "stale=1",
        tenant: "a",
      };
      const { message, own } = await sent(carrying(headers), IN_TRACE, {}, others);
      assert.deepEqual(
        { ...message.headers },
        { tenant: "a", traceparent: `00-${TRACE}-${own?.spanContext().spanId}-01` },
      );
    });

    test("the tracestate goes with the context that is continued", async () => {
      const headers = { traceparent: TRACEPARENT, tracestate: "vendor=1" };
      const { message } = await sent(carrying(headers), ELSEWHERE, {}, others);
      assert.equal(header(message, "tracestate"), "vendor=1");
    });

    test("keep: the header stays byte for byte, and the CLIENT send span links to it", async () => {
      for (const active of [IN_TRACE, ELSEWHERE, ROOT_CONTEXT]) {
        const headers = Object.freeze({ TraceParent: Buffer.from(TRACEPARENT), Tracestate: "a=1" });
        const { message, send } = await sent(
          carrying(headers),
          active,
          { carried: "keep" },
          others,
        );
        assert.equal(message.headers, headers);
        assert.equal(send?.kind, SpanKind.CLIENT);
        assert.equal(linked(send)[0], SPAN);
        assert.equal(send.parentSpanContext?.spanId, active === ROOT_CONTEXT ? undefined : AMBIENT);
      }
    });

    test("keep: several traces on one message stay byte for byte, each linked", async () => {
      const other = "00-a3ce929d0e0e47364bf92f3577b34da6-b7ad6b7169203332-01";
      const headers = Object.freeze({ traceparent: [TRACEPARENT, other] });
      const { message, send } = await sent(
        carrying(headers),
        IN_TRACE,
        { carried: "keep" },
        others,
      );
      assert.equal(message.headers, headers);
      assert.deepEqual(linked(send).slice(0, 2), [SPAN, "b7ad6b7169203332"]);
    });

    test("keep: a message that carries nothing gets its own", async () => {
      const { own, spanId } = await sent({ value: "1" }, IN_TRACE, { carried: "keep" }, others);
      assert.equal(spanId, own?.spanContext().spanId);
      assert.equal(own?.kind, SpanKind.PRODUCER);
    });

    test("keep: an aggregate that carries nothing gets its own", async () => {
      const message = links({ value: "total" }, [record({ traceparent: TRACEPARENT })]);
      const { own, spanId } = await sent(message, IN_TRACE, { carried: "keep" }, others);
      assert.equal(spanId, own?.spanContext().spanId);
      assert.deepEqual(linked(own), [SPAN]);
    });

    test("links: the span of a message made from several links to what each carried", async () => {
      const from = [
        record({ traceparent: TRACEPARENT }),
        record(),
        carrying({ traceparent: `00-${OTHER}-${SPAN}-01` }),
      ];
      const message = Object.freeze({ value: "total" });
      assert.equal(links(message, from), message);
      const { own } = await sent(message, ROOT_CONTEXT, {}, others);
      assert.deepEqual(
        own?.links.map((link) => link.context.traceId),
        [TRACE, OTHER],
      );
      assert.equal(own.parentSpanContext, undefined);
    });

    test("links: a message that is given twice is linked once, and two that are alike are two", async () => {
      const one = record({ traceparent: TRACEPARENT });
      const alike = record({ traceparent: TRACEPARENT });
      for (const [from, expected] of [
        [[one, one], [SPAN]],
        [
          [one, alike, one],
          [SPAN, SPAN],
        ],
      ] as const) {
        const { own } = await sent(links({ value: "total" }, from), ROOT_CONTEXT, {}, others);
        assert.deepEqual(linked(own), expected);
      }
    });
  });
}

for (const [way, options, others] of [
  ["one of many messages", {}, MANY],
  ["createSpans false", { createSpans: false }, [bare]],
] as const) {
  describe(way, () => {
    test("carrying the active trace: it carries the send span's context", async () => {
      const { send, spanId } = await sent(carrying(), IN_TRACE, options, others);
      assert.equal(spanId, send?.spanContext().spanId);
      assert.equal(send?.parentSpanContext?.spanId, AMBIENT);
      assert.deepEqual(linked(send), []);
    });

    test("carrying another trace: it stays in it, and the send span links to it", async () => {
      for (const active of [ELSEWHERE, ROOT_CONTEXT]) {
        const { send, message } = await sent(carrying(), active, options, others);
        assert.deepEqual(carried(message), { traceId: TRACE, spanId: SPAN, flags: "01" });
        assert.deepEqual(linked(send), [SPAN]);
      }
    });

    test("links: the send span links to what each carried", async () => {
      const message = links({ value: "total" }, [record({ traceparent: TRACEPARENT })]);
      const { send, spanId } = await sent(message, ROOT_CONTEXT, options, others);
      assert.deepEqual(linked(send), [SPAN]);
      assert.equal(spanId, send?.spanContext().spanId);
    });

    test("a replay of a dead letter carries the send span's context, which links to the attempt that failed", async () => {
      const failed = `00-${OTHER}-${SPAN}-01`;
      const headers = {
        traceparent: TRACEPARENT,
        "dlq.origin.destination": "next",
        "dlq.failed": failed,
      };
      const { send, spanId } = await sent(carrying(headers), ROOT_CONTEXT, options, others);
      assert.equal(spanId, send?.spanContext().spanId);
      assert.deepEqual(
        send?.links.map((link) => link.context.traceId),
        [OTHER],
      );
    });

    test("keep: the header stays byte for byte, and the send span links to it", async () => {
      const headers = Object.freeze({ TraceParent: TRACEPARENT });
      const { message, send } = await sent(
        carrying(headers),
        IN_TRACE,
        { ...options, carried: "keep" },
        others,
      );
      assert.equal(message.headers, headers);
      assert.deepEqual(linked(send), [SPAN]);
    });
  });
}

test("where every one of many messages keeps to its own trace, the send span is a CLIENT one", async () => {
  const { send } = await sent(
    carrying(),
    ELSEWHERE,
    {},
    Array.from({ length: 200 }, () => carrying()),
  );
  assert.equal(send?.kind, SpanKind.CLIENT);
});

test("without spans: the active trace's span, else what the message carries", async () => {
  const off: Options = { spans: "off" };
  assert.equal((await sent(carrying(), IN_TRACE, off)).spanId, AMBIENT);
  const { message } = await sent(carrying(), ELSEWHERE, off);
  assert.deepEqual(carried(message), { traceId: TRACE, spanId: SPAN, flags: "01" });
  assert.equal((await sent(carrying(), ROOT_CONTEXT, off)).spanId, SPAN);
});

test("one headers object that many messages share: each carries its own, the object is not written to", async () => {
  const headers = Object.freeze({ tenant: "a" });
  const given = Array.from({ length: 5 }, () => Object.freeze({ value: "1", headers }));
  const outgoing = stubProducer();
  await traced(outgoing.client).send(
    Object.freeze({ topic: "next", messages: Object.freeze(given) as never }),
  );
  const spanIds = outgoing.messages().map((message) => carried(message).spanId);
  assert.equal(new Set(spanIds).size, 5);
  for (const message of outgoing.messages()) assert.equal(header(message, "tenant"), "a");
  assert.deepEqual(headers, { tenant: "a" });
});

test("links: at most 128, and what is remembered of a delivered message is enough", async () => {
  const incoming = stubConsumer();
  const outgoing = stubProducer();
  const producer = traced(outgoing.client);
  await traced(incoming.client).run({
    eachBatch: async ({ batch }) =>
      void (await producer.send({
        topic: "next",
        messages: [links({ value: "total" }, new Set(batch.messages))],
      })),
  });
  await incoming.deliverBatch(
    Array.from({ length: 200 }, (_, at) => record({ traceparent: `00-${TRACE}-${spanOf(at)}-01` })),
  );
  const send = observed.spans().find(({ name }) => name === "send next");
  assert.deepEqual(
    linked(send),
    Array.from({ length: 128 }, (_, at) => spanOf(at)),
  );
});

test("a message that was received and is sent on as it is stays in its trace", async () => {
  const incoming = stubConsumer();
  const outgoing = stubProducer();
  const producer = traced(outgoing.client);
  await traced(incoming.client).run({
    eachMessage: async ({ message }) =>
      void (await producer.send({ topic: "next", messages: [message] })),
  });
  await incoming.deliver(record({ traceparent: TRACEPARENT, tenant: "a" }));
  const [send, process] = observed.spans();
  assert.equal(send?.parentSpanContext?.spanId, process?.spanContext().spanId);
  const [message] = outgoing.messages() as [Message];
  assert.deepEqual(carried(message).spanId, send?.spanContext().spanId);
  assert.equal(header(message, "tenant"), "a");
});
