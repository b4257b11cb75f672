// The application's propagator is honoured: whatever headers it has, on every message, whenever it
// was registered.
import {
  type Context,
  context,
  createContextKey,
  propagation,
  type TextMapPropagator,
  trace,
} from "@opentelemetry/api";
import { B3InjectEncoding, B3Propagator } from "@opentelemetry/propagator-b3";
import { JaegerPropagator } from "@opentelemetry/propagator-jaeger";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Options } from "throughline/kafkajs";
import { processMessage, traced } from "throughline/kafkajs";
import { type FinishedSpan, tracing, type TracingOptions } from "./sdk.ts";
import { header, record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "00f067aa0ba902b7";
const SPAN_2 = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

const single = new B3Propagator();
const multi = new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER });
const w3c = new CompositePropagator({
  propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
});

/** What a message becomes on its way through a handler that sends a message with its headers. */
async function relay(
  headers: Parameters<typeof record>[0],
  options: Options = {},
): Promise<{ sent: { headers?: object }; active: Context }> {
  const incoming = stubConsumer();
  const outgoing = stubProducer();
  const producer = traced(outgoing.client, options);
  let active: Context | undefined;
  await traced(incoming.client, options).run({
    eachMessage: async ({ message }) => {
      active = context.active();
      const sending = { value: message.value, headers: message.headers ?? {} };
      await producer.send({ topic: "next", messages: [sending] });
    },
  });
  await incoming.deliver(record(headers));
  return { sent: outgoing.messages()[0] as { headers?: object }, active: active as Context };
}

function observed(t: TestContext, options: TracingOptions) {
  const observing = tracing(options);
  t.after(() => observing.shutdown());
  const named = (name: string): FinishedSpan => {
    const span = observing.spans().find((each) => each.name === name);
    assert.ok(span, `no span ${name}`);
    return span;
  };
  return { ...observing, process: () => named("process orders"), send: () => named("send next") };
}

const idsOf = (span: FinishedSpan): string[] => [
  span.spanContext().traceId,
  span.parentSpanContext?.spanId ?? "root",
];
const linksOf = (span: FinishedSpan): string[] => span.links.map((link) => link.context.spanId);

test("B3 in one header: read, and replaced by the send span's own", async (t) => {
  const { process, send } = observed(t, { propagator: single });
  const { sent } = await relay({ B3: `${TRACE}-${SPAN}-1-${SPAN_2}`, tenant: "a" });
  assert.deepEqual(idsOf(process()), [TRACE, SPAN]);
  assert.deepEqual(idsOf(send()), [TRACE, process().spanContext().spanId]);
  assert.deepEqual(Object.keys(sent.headers ?? {}).toSorted(), ["b3", "tenant"]);
  assert.equal(header(sent, "b3"), `${TRACE}-${send().spanContext().spanId}-1`);
});

test("B3 in several headers: replaced as one set, what has no successor is gone", async (t) => {
  const { process, send } = observed(t, { propagator: multi });
  const { sent } = await relay({
    "X-B3-TraceId": TRACE,
    "X-B3-SpanId": SPAN,
    "X-B3-ParentSpanId": SPAN_2,
    "X-B3-Sampled": "1",
  });
  assert.deepEqual(idsOf(process()), [TRACE, SPAN]);
  assert.deepEqual(
    { ...sent.headers },
    {
      "x-b3-traceid": TRACE,
      "x-b3-spanid": send().spanContext().spanId,
      "x-b3-sampled": "1",
    },
  );
});

test("Jaeger's header: read and replaced", async (t) => {
  const { process, send } = observed(t, { propagator: new JaegerPropagator() });
  const { sent } = await relay({ "Uber-Trace-Id": `${TRACE}:${SPAN}:0:1` });
  assert.deepEqual(idsOf(process()), [TRACE, SPAN]);
  assert.deepEqual(
    { ...sent.headers },
    { "uber-trace-id": `${TRACE}:${send().spanContext().spanId}:0:01` },
  );
});

test("a composite one: all of its headers are written, as one set", async (t) => {
  const propagator = new CompositePropagator({ propagators: [w3c, single] });
  const { process, send } = observed(t, { propagator });
  const { sent } = await relay({
    Traceparent: TRACEPARENT,
    Tracestate: "a=1",
    b3: `${TRACE}-${SPAN}-1`,
    baggage: "user=7",
  });
  assert.deepEqual(idsOf(process()), [TRACE, SPAN]);
  const { spanId } = send().spanContext();
  assert.deepEqual(
    { ...sent.headers },
    { traceparent: `00-${TRACE}-${spanId}-01`, b3: `${TRACE}-${spanId}-1`, baggage: "user=7" },
  );
});

test("under another propagator the W3C headers are the application's own, and stay", async (t) => {
  const { process } = observed(t, { propagator: single });
  const { sent } = await relay({ traceparent: TRACEPARENT, baggage: "user=7" });
  assert.equal(process().parentSpanContext, undefined);
  assert.equal(header(sent, "traceparent"), TRACEPARENT);
  assert.equal(header(sent, "baggage"), "user=7");
});

const TENANT = createContextKey("the test's tenant");

/** A propagator of an application's own, with one header and a value in the context. */
const tenants: TextMapPropagator = {
  fields: () => ["X-Tenant"],
  inject(context, carrier, setter) {
    const tenant = context.getValue(TENANT);
    if (typeof tenant === "string") setter.set(carrier, "X-Tenant", tenant);
  },
  extract(context, carrier, getter) {
    assert.ok(getter.keys(carrier).includes("x-TENANT"));
    return context.setValue(TENANT, getter.get(carrier, "X-Tenant"));
  },
};

test("one of the application's own: what it put into the context is active, and is sent on", async (t) => {
  observed(t, { propagator: new CompositePropagator({ propagators: [w3c, tenants] }) });
  const { sent, active } = await relay({ "x-TENANT": "acme", traceparent: TRACEPARENT });
  assert.equal(active.getValue(TENANT), "acme");
  assert.equal(trace.getSpanContext(active)?.traceId, TRACE);
  assert.equal(header(sent, "X-Tenant"), "acme");
  assert.equal(header(sent, "x-TENANT"), undefined);
});

test("what a propagator put into one message's context is not in the next one's", async (t) => {
  const quiet: TextMapPropagator = {
    ...tenants,
    extract: (context, carrier, getter) =>
      getter.get(carrier, "X-Tenant") === undefined
        ? context
        : tenants.extract(context, carrier, getter),
  };
  observed(t, { propagator: new CompositePropagator({ propagators: [w3c, quiet] }) });
  const incoming = stubConsumer();
  const outer = record({ "x-TENANT": "acme" });
  const inner = record({});
  const seen: unknown[] = [];
  await traced(incoming.client).run({
    eachMessage: async ({ message }) => {
      seen.push(context.active().getValue(TENANT));
      if (message === outer) await incoming.deliver(inner);
    },
  });
  await incoming.deliver(outer);
  assert.deepEqual(seen, ["acme", undefined]);
});

test("under another propagator a message without its headers is a root, whatever is active, and its baggage is none", async (t) => {
  const composite = new CompositePropagator({ propagators: [single, new W3CBaggagePropagator()] });
  const { process } = observed(t, { propagator: composite });
  const ambient = trace.wrapSpanContext({ traceId: OTHER, spanId: SPAN_2, traceFlags: 1 });
  const baggage = propagation.createBaggage({ ambient: { value: "1" } });
  const around = propagation.setBaggage(trace.setSpan(context.active(), ambient), baggage);
  let active: Context | undefined;
  context.with(around, () =>
    processMessage({ headers: {} }, () => void (active = context.active()), {
      system: "kafka",
      destination: "orders",
    }),
  );
  assert.equal(process().parentSpanContext, undefined);
  assert.notEqual(process().spanContext().traceId, OTHER);
  assert.deepEqual(linksOf(process()), [SPAN_2]);
  assert.equal(propagation.getBaggage(active as Context), undefined);
});

test("without a propagator nothing is read, nothing is written, and what is there stays", async (t) => {
  const { process, send } = observed(t, { propagator: null });
  const { sent } = await relay({ traceparent: TRACEPARENT, b3: "0" });
  assert.equal(process().parentSpanContext, undefined);
  assert.notEqual(process().spanContext().traceId, TRACE);
  assert.deepEqual(idsOf(send()), [
    process().spanContext().traceId,
    process().spanContext().spanId,
  ]);
  assert.equal(header(sent, "traceparent"), TRACEPARENT);
  assert.deepEqual(Object.keys(sent.headers ?? {}).toSorted(), ["b3", "traceparent"]);
});

test("a client that was traced before anything was registered finds what is registered later", async (t) => {
  const incoming = stubConsumer();
  const outgoing = stubProducer();
  const consumer = traced(incoming.client);
  const producer = traced(outgoing.client);
  await consumer.run({
    eachMessage: async () => {
      await producer.send({ topic: "next", messages: [{ value: "1" }] });
    },
  });
  const headers = { traceparent: TRACEPARENT, b3: `${OTHER}-${SPAN}-1` };
  await incoming.deliver(record(headers));
  const first = observed(t, {});
  await incoming.deliver(record(headers));
  assert.deepEqual(idsOf(first.process()), [TRACE, SPAN]);
  await first.shutdown();
  const second = observed(t, { propagator: single });
  await incoming.deliver(record(headers));
  assert.deepEqual(idsOf(second.process()), [OTHER, SPAN]);
  await second.shutdown();
  await incoming.deliver(record(headers));

  const sent = outgoing.messages().map((message) => Object.keys(message.headers ?? {}));
  assert.deepEqual(sent, [[], ["traceparent"], ["b3"], []]);
  assert.equal(first.spans().length, 2);
  assert.equal(second.spans().length, 2);
});

test("a propagator, or a tracer provider, that changes by itself is found", async (t) => {
  const { spans, tracerProvider } = observed(t, { propagator: null });
  const incoming = stubConsumer();
  await traced(incoming.client).run({ eachMessage: async () => {} });
  const parents = async (): Promise<(string | undefined)[]> => {
    await incoming.deliver(record({ traceparent: TRACEPARENT }));
    return spans().map(({ parentSpanContext }) => parentSpanContext?.spanId);
  };
  assert.deepEqual(await parents(), [undefined]);
  propagation.setGlobalPropagator(w3c);
  assert.deepEqual(await parents(), [undefined, SPAN]);
  trace.disable();
  assert.equal((await parents()).length, 2);
  trace.setGlobalTracerProvider(tracerProvider);
  assert.equal((await parents()).length, 3);
});

/** A propagator that counts how often it is asked to carry something. */
function counting(propagator: TextMapPropagator): TextMapPropagator & { runs: number } {
  const counted = {
    runs: 0,
    fields: () => propagator.fields(),
    inject(...args: Parameters<TextMapPropagator["inject"]>) {
      counted.runs += 1;
      propagator.inject(...args);
    },
    extract(...args: Parameters<TextMapPropagator["extract"]>) {
      counted.runs += 1;
      return propagator.extract(...args);
    },
  };
  return counted;
}

const withFields = (fields: string[]): TextMapPropagator => ({ ...tenants, fields: () => fields });

test("our own code takes the place of a propagator with W3C's headers alone, and of no other", async (t) => {
  for (const [propagator, ours] of [
    [w3c, true],
    [new W3CTraceContextPropagator(), true],
    [withFields(["TraceParent", "BAGGAGE"]), true],
    [new W3CBaggagePropagator(), false],
    [withFields(["traceparent", "x-tenant"]), false],
    [single, false],
  ] as const) {
    const spied = counting(propagator);
    const { shutdown } = observed(t, { propagator: spied });
    await relay({ traceparent: TRACEPARENT, "x-TENANT": "acme" });
    assert.equal(spied.runs === 0, ours, propagator.fields().join());
    await shutdown();
  }
});

test("a propagator that is given as an option runs for every message, whatever its headers", async (t) => {
  const { process } = observed(t, { propagator: single });
  const chosen = counting(w3c);
  const { sent } = await relay(
    { traceparent: TRACEPARENT, b3: `${OTHER}-${SPAN}-1` },
    { propagator: chosen },
  );
  assert.deepEqual(idsOf(process()), [TRACE, SPAN]);
  assert.ok(chosen.runs >= 2);
  assert.equal(header(sent, "b3"), `${OTHER}-${SPAN}-1`);
});

test("baggage is carried where it is among the propagator's headers, and nowhere else", async (t) => {
  for (const [propagator, carried] of [
    [w3c, true],
    [new W3CTraceContextPropagator(), false],
  ] as const) {
    const { shutdown } = observed(t, { propagator });
    const { sent, active } = await relay({ traceparent: TRACEPARENT, baggage: "user=7" });
    const held = propagation.getBaggage(active)?.getEntry("user")?.value;
    assert.equal(held, carried ? "7" : undefined);
    assert.equal(header(sent, "baggage"), "user=7");
    await shutdown();
  }
});

test("a repeated header of any propagator: in one trace the last is the parent", async (t) => {
  const { process } = observed(t, { propagator: single });
  await relay({ b3: [`${TRACE}-${SPAN}-1`, `${TRACE}-${SPAN_2}-1`] });
  assert.deepEqual(idsOf(process()), [TRACE, SPAN_2]);
});

test("a repeated header of any propagator: of several traces none is the parent, each is linked", async (t) => {
  const { process } = observed(t, { propagator: single });
  await relay({ b3: [`${TRACE}-${SPAN}-1`, `${OTHER}-${SPAN_2}-1`] });
  assert.equal(process().parentSpanContext, undefined);
  assert.ok(![TRACE, OTHER].includes(process().spanContext().traceId));
  assert.deepEqual(linksOf(process()), [SPAN, SPAN_2]);
});

test("a repeated header of any propagator: the option says which is the parent", async (t) => {
  for (const [duplicates, parent] of [
    ["first", [TRACE, SPAN]],
    ["last", [OTHER, SPAN_2]],
  ] as const) {
    const { process, shutdown } = observed(t, { propagator: single });
    await relay({ b3: [`${TRACE}-${SPAN}-1`, `${OTHER}-${SPAN_2}-1`] }, { duplicates });
    assert.deepEqual(idsOf(process()), parent);
    await shutdown();
  }
});

test("a header repeated a thousand times does not run the propagator a thousand times", async (t) => {
  const spied = counting(single);
  const { process } = observed(t, { propagator: spied });
  await relay({ b3: Array.from({ length: 1000 }, () => `${TRACE}-${SPAN}-1`) });
  assert.deepEqual(idsOf(process()), [TRACE, SPAN]);
  assert.ok(spied.runs < 50, `${spied.runs} runs`);
});

test("a repeated tracestate or baggage is one list for any propagator", async (t) => {
  const propagator = new CompositePropagator({ propagators: [w3c, withFields(["x-tenant"])] });
  const { process } = observed(t, { propagator });
  const { active } = await relay({
    traceparent: TRACEPARENT,
    tracestate: ["a=1", "b=2"],
    baggage: ["user=7", "plan=x"],
    "x-TENANT": "acme",
  });
  assert.equal(process().spanContext().traceState?.serialize(), "a=1,b=2");
  assert.deepEqual(
    propagation
      .getBaggage(active)
      ?.getAllEntries()
      .map(([key]) => key),
    ["user", "plan"],
  );
});
