// The tests' own footing: what tracing() gives is the same over both lines of the SDK.
import { context, metrics, propagation, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { test } from "node:test";
import { tracing } from "./sdk.ts";

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

test("an ended span is collected with its parent, an open one is told apart", async (t) => {
  const { open, reset, shutdown, spans } = tracing();
  t.after(shutdown);
  const tracer = trace.getTracer("test");
  const outer = tracer.startSpan("outer", { kind: SpanKind.CONSUMER });
  const inner = tracer.startSpan("inner", {}, trace.setSpan(ROOT_CONTEXT, outer));
  assert.equal(open().length, 2);
  inner.end();
  assert.deepEqual(
    spans().map(({ name, kind, ended, parentSpanContext }) => [
      name,
      kind,
      ended,
      parentSpanContext?.spanId,
    ]),
    [["inner", SpanKind.INTERNAL, true, outer.spanContext().spanId]],
  );
  assert.deepEqual(open(), [outer.spanContext()]);
  outer.end();
  reset();
  assert.deepEqual([spans(), open()], [[], []]);
});

test("the context stays active across await, and W3C context and baggage are extracted", async (t) => {
  t.after(tracing().shutdown);
  const extracted = propagation.extract(ROOT_CONTEXT, { traceparent: parent, baggage: "order=7" });
  await context.with(extracted, async () => {
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(trace.getSpanContext(context.active())?.spanId, "00f067aa0ba902b7");
    assert.equal(propagation.getActiveBaggage()?.getEntry("order")?.value, "7");
  });
});

test("a sampler is chosen by its name in OTEL_TRACES_SAMPLER", async (t) => {
  const { shutdown, spans } = tracing({ sampler: "parentbased_always_off" });
  t.after(shutdown);
  const sampled = propagation.extract(ROOT_CONTEXT, { traceparent: parent });
  const tracer = trace.getTracer("test");
  tracer.startSpan("root", { root: true }).end();
  tracer.startSpan("child of a sampled parent", {}, sampled).end();
  assert.deepEqual(
    spans().map(({ name }) => name),
    ["child of a sampled parent"],
  );
});

test("what the meters recorded is read by the instrument's name", async (t) => {
  const { metrics: collected, shutdown } = tracing();
  t.after(shutdown);
  metrics.getMeter("test").createCounter("messages", { unit: "{message}" }).add(2, { topic: "a" });
  assert.deepEqual((await collected()).get("messages"), {
    name: "messages",
    unit: "{message}",
    points: [{ attributes: { topic: "a" }, value: 2 }],
  });
});

test("after shutdown nothing of it is global", async () => {
  await tracing().shutdown();
  assert.equal(trace.getTracer("test").startSpan("x").isRecording(), false);
  assert.deepEqual(propagation.fields(), []);
});
