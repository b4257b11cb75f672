import { context, diag, DiagLogLevel, SpanKind, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { test } from "node:test";
import { deadLetter, processMessage, traced } from "throughline/kafkajs";
import { tracing } from "./sdk.ts";
import { record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

// OpenTelemetry's own instrumentation marks the methods that it wraps, and its span is active
// around the handler. bench/test/coexist.test.ts runs the real ones, on real servers.

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

function marked<Method extends object>(method: Method): Method {
  return Object.assign(method, { __wrapped: true, __original: () => {}, __unwrap: () => {} });
}

/** A consumer as the instrumentation leaves it: run() is its own. */
function instrumentedConsumer(): ReturnType<typeof stubConsumer> {
  const stub = stubConsumer();
  const { run } = stub.client;
  stub.client.run = marked((config) => run(config));
  return stub;
}

/** Runs what the instrumentation runs within its own span of a message. */
function within<Result>(work: () => Result): { spanId: string; result: Result } {
  const span = trace.getTracer("instrumentation").startSpan("theirs", { kind: SpanKind.CONSUMER });
  const result = context.with(trace.setSpan(context.active(), span), work);
  span.end();
  return { spanId: span.spanContext().spanId, result };
}

test("where the instrumentation makes the process span, no second one is made, and its own is active in the handler", async (t) => {
  const observed = tracing();
  t.after(() => observed.shutdown());
  const stub = instrumentedConsumer();
  let active: string | undefined;
  let again = 0;
  await traced(stub.client, { groupId: "g" }).run({
    eachMessage: async ({ message }) => {
      active = trace.getActiveSpan()?.spanContext().spanId;
      await processMessage(message, async () => {
        again += 1;
      });
    },
  });
  const { spanId, result } = within(() =>
    stub.deliver(record({ traceparent: TRACEPARENT }), { topic: "theirs" }),
  );
  await result;
  assert.equal(active, spanId);
  assert.equal(again, 1);
  assert.deepEqual(
    observed.spans().map(({ name }) => name),
    ["theirs"],
  );
  const collected = await observed.metrics();
  assert.equal(collected.get("messaging.process.duration")?.points.length ?? 0, 0);
  const consumed = collected.get("messaging.client.consumed.messages")?.points ?? [];
  assert.deepEqual(
    consumed.filter(({ attributes }) => attributes["messaging.destination.name"] === "theirs"),
    [],
  );
});

test("the scope of each record in a batch stays ours, in the record's own trace and linked to their span", async (t) => {
  const observed = tracing();
  t.after(() => observed.shutdown());
  const stub = instrumentedConsumer();
  await traced(stub.client, { groupId: "g" }).run({
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) await processMessage(message, async () => {});
    },
  });
  const { spanId, result } = within(() =>
    stub.deliverBatch([record({ traceparent: TRACEPARENT })]),
  );
  await result;
  const ours = observed.spans().filter(({ name }) => name === "process orders");
  assert.equal(ours.length, 1);
  assert.equal(ours[0]?.parentSpanContext?.spanId, "00f067aa0ba902b7");
  assert.deepEqual(
    ours[0]?.links.map((link) => link.context.spanId),
    [spanId],
  );
});

test("a dead letter continues their span", async (t) => {
  const observed = tracing();
  t.after(() => observed.shutdown());
  const stub = instrumentedConsumer();
  let failed: unknown;
  await traced(stub.client, { groupId: "g" }).run({
    eachMessage: async ({ message }) => {
      failed = deadLetter(message, new Error("no")).headers["dlq.failed"];
    },
  });
  const { spanId, result } = within(() => stub.deliver(record({ traceparent: TRACEPARENT })));
  await result;
  assert.equal(String(failed).split("-")[2], spanId);
});

test("a producer that is instrumented is given back as it is, and that is said once", (t) => {
  const warnings: string[] = [];
  const ignore = (): void => {};
  const logger = { error: ignore, info: ignore, debug: ignore, verbose: ignore };
  diag.setLogger(
    { ...logger, warn: (text) => warnings.push(text) },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  t.after(() => diag.disable());
  const [first, second] = [stubProducer().client, stubProducer().client];
  for (const producer of [first, second]) {
    marked(producer.send);
    assert.equal(traced(producer), producer);
  }
  assert.ok(warnings.filter((text) => text.includes("instrumentation-kafkajs")).length <= 1);
});
