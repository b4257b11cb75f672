// W3C Trace Context Level 2, section 3.2.2.6: the random flag is handed on. An SDK's span forgets
// its remote parent's; within that trace it is put back.
import {
  context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type Span,
  trace,
} from "@opentelemetry/api";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { deadLetter, injectContext, processMessage, w3cPropagator } from "throughline";
import { traced } from "throughline/kafkajs";
import { tracing, type Tracing } from "./sdk.ts";
import { carried, record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
before(() => {
  observed = tracing();
});
after(() => observed.shutdown());

const TRACE_ID = "5b8efff798038103d269b633813fc60c";
const at = { system: "kafka", destination: "orders" };
const from = (flags: string) => record({ traceparent: `00-${TRACE_ID}-eee19b7ec3c1b174-${flags}` });
const injected = () => carried({ headers: injectContext({}) });

test("what a handler sends within its message's trace carries the message's random flag", () => {
  for (const [flags, expected] of [
    ["03", "03"],
    ["01", "01"],
  ]) {
    const sent = processMessage(from(flags ?? ""), injected, at);
    assert.equal(sent.traceId, TRACE_ID);
    assert.equal(sent.flags, expected);
  }
});

test("it holds under the application's own spans, however deep", () => {
  const tracer = trace.getTracer("application");
  const deeper = (left: number): ReturnType<typeof carried> =>
    tracer.startActiveSpan("deeper", (span: Span) => {
      const sent = left === 0 ? injected() : deeper(left - 1);
      span.end();
      return sent;
    });
  const sent = processMessage(from("03"), () => deeper(3), at);
  assert.equal(sent.traceId, TRACE_ID);
  assert.equal(sent.flags, "03");
});

test("a traced producer hands it on from a traced consumer", async () => {
  const incoming = stubConsumer();
  const outgoing = stubProducer();
  const producer = traced(outgoing.client);
  await traced(incoming.client).run({
    eachMessage: async () => {
      await producer.send({ topic: "invoices", messages: [{ value: "1" }, { value: "2" }] });
    },
  });
  await incoming.deliver(from("03"));
  const sent = outgoing.messages().map(carried);
  assert.deepEqual(
    sent.map(({ traceId, flags }) => [traceId, flags]),
    [
      [TRACE_ID, "03"],
      [TRACE_ID, "03"],
    ],
  );
});

test("a dead letter carries its record's random flag, made while it is handled or afterwards", () => {
  for (const flags of ["03", "01"]) {
    const message = from(flags);
    const letters: object[] = [];
    processMessage(message, () => letters.push(deadLetter(message, new Error("x"))), at);
    letters.push(deadLetter(message, new Error("x")), deadLetter(from(flags), new Error("x")));
    for (const letter of letters) {
      assert.equal(carried(letter).traceId, TRACE_ID);
      assert.equal(carried(letter).flags, flags);
    }
  }
});

test("it is not put on another trace", () => {
  const other = processMessage(
    from("03"),
    () => {
      const span = trace.getTracer("application").startSpan("elsewhere", { root: true });
      const sent = carried({
        headers: injectContext({}, trace.setSpan(context.active(), span)),
      });
      span.end();
      return { sent, own: span.spanContext() };
    },
    at,
  );
  assert.notEqual(other.sent.traceId, TRACE_ID);
  assert.equal(other.sent.flags, `0${other.own.traceFlags}`);
});

test("without spans the message's own flags are sent on", async () => {
  const incoming = stubConsumer();
  let sent: ReturnType<typeof carried> | undefined;
  await traced(incoming.client, { spans: "off" }).run({
    eachMessage: async () => {
      sent = injected();
    },
  });
  await incoming.deliver(from("03"));
  assert.deepEqual(sent, { traceId: TRACE_ID, spanId: "eee19b7ec3c1b174", flags: "03" });
});

const relayed = (base: typeof ROOT_CONTEXT): ReturnType<typeof carried> => {
  const propagator = w3cPropagator();
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const incoming = { traceparent: `00-${traceId}-b7ad6b7169203331-03` };
  const extracted = propagator.extract(base, incoming, defaultTextMapGetter);
  const span = trace.getTracer("application").startSpan("serve", {}, extracted);
  const headers = {};
  propagator.inject(trace.setSpan(extracted, span), headers, defaultTextMapSetter);
  span.end();
  const sent = carried({ headers });
  assert.equal(sent.traceId, traceId);
  return sent;
};

test("as a global propagator it hands the flag on through an SDK's span", () => {
  assert.equal(relayed(ROOT_CONTEXT).flags, "03");
});

test("as a global propagator it does so within a message's handler too", () => {
  for (const flags of ["03", "01"]) {
    assert.equal(processMessage(from(flags), () => relayed(context.active()), at).flags, "03");
  }
});
