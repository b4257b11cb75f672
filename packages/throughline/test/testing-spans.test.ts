import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import assert, { AssertionError } from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { processBatch, processMessage } from "throughline";
import { collectSpans, type SpanCollector } from "throughline/testing";
import { tracing } from "./sdk.ts";

function collecting(
  t: TestContext,
  sampler: "always_on" | "always_off" = "always_on",
): SpanCollector {
  const spans = collectSpans();
  const sdk = tracing({ sampler, processors: [spans] });
  t.after(() => sdk.shutdown());
  return spans;
}

const tracer = (): ReturnType<typeof trace.getTracer> => trace.getTracer("application");

/** A span with others inside it. */
function within<Result>(name: string, body: () => Result): Result {
  return tracer().startActiveSpan(name, (span) => {
    try {
      return body();
    } finally {
      span.end();
    }
  });
}

/** What an expectation fails with. */
function failureOf(expectation: () => unknown): string {
  try {
    expectation();
  } catch (error) {
    assert.ok(error instanceof AssertionError);
    return error.message;
  }
  return assert.fail("the expectation passed");
}

const orders = { system: "kafka", destination: "orders" };

test("a span is found by its name, by a pattern and by a choice of one's own", (t) => {
  const spans = collecting(t);
  within("charge card", () => within("charge account", () => {}));
  assert.equal(spans.named("charge card").length, 1);
  assert.equal(spans.named(/^charge /).length, 2);
  assert.equal(spans.named((span) => span.kind === SpanKind.CONSUMER).length, 0);
  assert.deepEqual(
    spans.all().map(({ name }) => name),
    ["charge card", "charge account"],
  );
});

test("expecting one span fails where there is none, and where there are two", (t) => {
  const spans = collecting(t);
  within("charge card", () => {});
  within("charge card", () => {});
  assert.match(
    failureOf(() => spans.expectSpan("ship order")),
    /^Expected one span "ship order", found none\./,
  );
  assert.match(
    failureOf(() => spans.expectSpan("charge card")),
    /^Expected one span "charge card", found 2\./,
  );
  assert.equal(spans.expectSpans("charge card", 2).spans.length, 2);
  assert.throws(() => spans.expectSpans("charge card", 1), AssertionError);
  assert.match(
    failureOf(() => spans.expectSpans("charge card", 3)),
    /^Expected 3 spans "charge card", found 2\./,
  );
  assert.match(
    failureOf(() => spans.expectSpans("ship order")),
    /^Expected spans "ship order", found none\./,
  );
  assert.match(
    failureOf(() => spans.expectSpans(/charge/).span),
    /^Expected one span, there are 2\./,
  );
});

test("a span of another trace fails inTraceOf, and the failure shows both traces", (t) => {
  const spans = collecting(t);
  within("place order", () => within("send order", () => {}));
  within("charge card", () => {});
  spans.expectSpan("send order").inTraceOf("place order");
  spans.expectSpan("charge card").notInTraceOf("place order");
  const [placed, charged] = ["place order", "charge card"].map((name) =>
    spans.expectSpan(name).spanContext().traceId.slice(0, 8),
  );
  assert.equal(
    failureOf(() => spans.expectSpan("charge card").inTraceOf("place order")),
    [
      `Expected "charge card" in trace ${placed}, that of "place order".`,
      `It is in trace ${charged}, as its root.`,
      "",
      `trace ${placed}`,
      "  place order",
      "  └─ send order",
      `trace ${charged}`,
      "  charge card  ◀",
      "",
    ].join("\n"),
  );
  assert.match(
    failureOf(() => spans.expectSpan("send order").notInTraceOf("place order")),
    /Expected "send order" in another trace than "place order"\.\nIt is in the same one/,
  );
});

test("a grandchild fails childOf, and is told whose child it is", (t) => {
  const spans = collecting(t);
  within("place order", () => within("send order", () => within("encode", () => {})));
  spans.expectSpan("encode").childOf("send order");
  spans.expectSpan("encode").childOf(spans.expectSpan("send order"));
  spans.expectSpan("encode").childOf(spans.expectSpan("send order").spanContext());
  assert.match(
    failureOf(() => spans.expectSpan("encode").childOf("place order")),
    /Expected "encode" a child of "place order"\.\nIt is a child of "send order"\./,
  );
  assert.match(
    failureOf(() => spans.expectSpan("place order").childOf("encode")),
    /It is the root of its trace\./,
  );
  assert.match(
    failureOf(() => spans.expectSpan("encode").root()),
    /Expected "encode" the root of its trace/,
  );
  spans.expectSpan("place order").root();
});

test("a span is compared with one that was not collected: another service's", (t) => {
  const spans = collecting(t);
  const remote = {
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    spanId: "00f067aa0ba902b7",
    traceFlags: 1,
    isRemote: true,
  };
  context.with(trace.setSpanContext(ROOT_CONTEXT, remote), () => within("charge card", () => {}));
  spans.expectSpan("charge card").childOf(remote).inTraceOf(remote);
  assert.match(
    spans.tree(),
    /^trace 4bf92f35\n {2}charge card under 00f067aa, which came with a message$/,
  );
  assert.match(
    failureOf(() =>
      spans.expectSpan("charge card").childOf({ ...remote, spanId: "11f067aa0ba902b7" }),
    ),
    /Expected "charge card" a child of span 11f067aa\.\nIt is a child of span 00f067aa, which was not collected\./,
  );
});

test("what is compared with must be one span with a context", (t) => {
  const spans = collecting(t);
  within("charge card", () => {});
  within("charge card", () => {});
  within("ship order", () => {});
  const shipped = spans.expectSpan("ship order");
  assert.match(
    failureOf(() => shipped.inTraceOf("pack")),
    /There is no span "pack" to compare with/,
  );
  assert.match(
    failureOf(() => shipped.inTraceOf("charge card")),
    /There are 2 spans "charge card"/,
  );
  const invalid = trace.wrapSpanContext({
    traceId: "0".repeat(32),
    spanId: "0".repeat(16),
    traceFlags: 0,
  });
  assert.match(
    failureOf(() => shipped.inTraceOf(invalid)),
    /has no valid span context/,
  );
});

test("links are expected by the span they lead to, or not at all", (t) => {
  const spans = collecting(t);
  within("one", () => {});
  within("two", () => {});
  const links = [{ context: spans.expectSpan("one").spanContext() }];
  tracer().startSpan("both", { links }).end();
  spans.expectSpan("both").linkedTo("one");
  spans.expectSpan("one").linkedTo();
  assert.match(
    failureOf(() => spans.expectSpan("both").linkedTo("one", "two")),
    /Expected "both" linked to "two"\.\nIt is linked to "one"\./,
  );
  assert.match(
    failureOf(() => spans.expectSpan("both").linkedTo()),
    /Expected "both" linked to nothing\./,
  );
  assert.match(
    failureOf(() => spans.expectSpan("one").linkedTo("two")),
    /It is linked to nothing\./,
  );
  assert.match(spans.tree(), /both\n {5}linked to one in trace [0-9a-f]{8}/);
});

test("attributes, failure and success are expected of a span", (t) => {
  const spans = collecting(t);
  const span = tracer().startSpan("charge card", { attributes: { amount: 3, tags: ["a"] } });
  span.setStatus({ code: SpanStatusCode.ERROR, message: "no funds" });
  span.setAttribute("error.type", "CardDeclined").end();
  within("ship order", () => {});
  const charged = spans.expectSpan("charge card");
  charged
    .with({ amount: 3, tags: ["a"] })
    .failed()
    .failed("CardDeclined");
  spans.expectSpan("ship order").succeeded();
  assert.match(
    failureOf(() => charged.with({ amount: 4 })),
    /with amount = 4\.\nIt is with amount = 3\./,
  );
  assert.match(
    failureOf(() => charged.with({ currency: "EUR" })),
    /It is with currency = nothing\./,
  );
  assert.match(
    failureOf(() => charged.failed("Error")),
    /It is failed with CardDeclined: no funds\./,
  );
  assert.match(
    failureOf(() => charged.succeeded()),
    /It is failed with CardDeclined: no funds\./,
  );
  assert.match(
    failureOf(() => spans.expectSpan("ship order").failed()),
    /Expected "ship order" failed\.\nIt is not\./,
  );
  assert.match(spans.tree(), /charge card ERROR CardDeclined: no funds/);
});

test("what is expected of several spans is expected of each", (t) => {
  const spans = collecting(t);
  within("place order", () => within("charge card", () => {}));
  within("charge card", () => {});
  assert.throws(() => spans.expectSpans("charge card").inTraceOf("place order"), AssertionError);
  spans.expectSpans("charge card").succeeded();
});

test("one trace is expected of everything that was collected", (t) => {
  const spans = collecting(t);
  assert.match(
    failureOf(() => spans.expectOneTrace()),
    /\(no span was collected: is collectSpans\(\) among the span processors/,
  );
  within("place order", () => within("send order", () => {}));
  spans.expectOneTrace();
  within("charge card", () => {});
  assert.match(
    failureOf(() => spans.expectOneTrace()),
    /^Expected one trace, there are 2\./,
  );
  spans.clear();
  within("place order", () => {});
  spans.expectOneTrace();
});

test("a process span without parent or link is an orphan; a batch's, a linked one and any other root are none", (t) => {
  const spans = collecting(t);
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  within("place order", () => {});
  processMessage({ headers: { traceparent } }, () => {}, orders);
  processBatch([{ headers: {} }], () => {}, orders);
  const attributes = { "messaging.operation.type": "process" };
  const links = [{ context: spans.expectSpan("place order").spanContext() }];
  tracer().startSpan("linked", { kind: SpanKind.CONSUMER, attributes, links }).end();
  spans.expectNoOrphans();
  processMessage({ headers: {} }, () => {}, orders);
  assert.match(
    failureOf(() => spans.expectNoOrphans()),
    /"process orders" has no parent and no link[^]*process orders \(consumer\) {2}◀/,
  );
});

test("an orphan of an older instrumentation is one too", (t) => {
  const spans = collecting(t);
  const attributes = { "messaging.operation": "process" };
  tracer().startSpan("orders process", { kind: SpanKind.CONSUMER, attributes }).end();
  assert.throws(() => spans.expectNoOrphans(), AssertionError);
});

test("a span that never ends is told as a leak", (t) => {
  const spans = collecting(t);
  within("place order", () => {});
  spans.expectAllEnded();
  const leaked = tracer().startSpan("charge card");
  assert.deepEqual(
    spans.open().map(({ name }) => name),
    ["charge card"],
  );
  assert.match(
    failureOf(() => spans.expectAllEnded()),
    /Expected all spans ended, 1 did not\.[^]*charge card, never ended {2}◀/,
  );
  leaked.end();
  spans.expectAllEnded();
});

test("the end of all spans can be awaited, and a wait that is too long says which are open", async (t) => {
  const spans = collecting(t);
  await spans.ended();
  const [one, two] = [tracer().startSpan("one"), tracer().startSpan("two")];
  let resolved = false;
  const ended = spans.ended().then(() => (resolved = true));
  one.end();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(resolved, false);
  await assert.rejects(
    spans.ended(1),
    /Expected all spans ended within 1 ms\.[^]*two, never ended {2}◀/,
  );
  two.end();
  assert.equal(await ended, true);
});

test("spans that a sampler drops are not collected", (t) => {
  const spans = collecting(t, "always_off");
  within("place order", () => {});
  assert.deepEqual(spans.all(), []);
});

test("the tree has a branch for each child, and every trace its own", (t) => {
  const spans = collecting(t);
  tracer().startActiveSpan("send orders", { kind: SpanKind.PRODUCER }, (sent) => {
    within("encode", () => within("compress", () => {}));
    within("write", () => {});
    sent.end();
  });
  const id = spans.expectSpan("write").spanContext().traceId.slice(0, 8);
  assert.equal(
    spans.tree(),
    [
      `trace ${id}`,
      "  send orders (producer)",
      "  ├─ encode",
      "  │  └─ compress",
      "  └─ write",
    ].join("\n"),
  );
});

test("a collector outlives its SDK, so that a test can shut down first and look then", async (t) => {
  const spans = collectSpans();
  const sdk = tracing({ processors: [spans] });
  t.after(() => sdk.shutdown());
  within("place order", () => {});
  await sdk.tracerProvider.forceFlush();
  await sdk.shutdown();
  spans.expectSpan("place order").root();
  assert.equal(propagation.fields().length, 0);
});
