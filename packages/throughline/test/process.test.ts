// One message's handling: extracted, activated, and only then a span. Rule 1 of the design.
import {
  context,
  createContextKey,
  metrics,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { afterEach, beforeEach, test } from "node:test";
import { contextOf, processMessage } from "throughline";
import { processMessage as processRecord, traced } from "throughline/kafkajs";
import { counted } from "./context-depth.ts";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";
import { record, stubConsumer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const OTHER = "0af7651916cd43dd8448eb211c80319c";
const at = { system: "nats", destination: "orders" };
const from = (traceId: string, spanId = SPAN) => ({
  headers: { traceparent: `00-${traceId}-${spanId}-01` },
});
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const activeTrace = (): string | undefined => trace.getActiveSpan()?.spanContext().traceId;
// Asked for each time: every test has an SDK of its own.
const tracer = (): Tracer => trace.getTracer("application");

function only(name: string): FinishedSpan {
  const found = observed.spans().filter((span) => span.name === name);
  assert.equal(found.length, 1, `${found.length} spans ${name}`);
  return found[0] as FinishedSpan;
}

test("the process span continues the message's own context, and is active in the handler", () => {
  const active = processMessage(from(TRACE), () => trace.getActiveSpan()?.spanContext(), at);
  const span = only("process orders");
  assert.equal(span.kind, SpanKind.CONSUMER);
  assert.equal(span.spanContext().traceId, TRACE);
  assert.equal(span.parentSpanContext?.spanId, SPAN);
  assert.equal(span.parentSpanContext.isRemote, true);
  assert.deepEqual(span.links, []);
  assert.deepEqual(active, span.spanContext());
});

test("it stays active over awaits and in timers that the handler leaves behind", async () => {
  let inTimer: string | undefined;
  let left: Promise<void> = Promise.resolve();
  const seen = await processMessage(
    from(TRACE),
    async () => {
      const before = activeTrace();
      await turn();
      left = turn().then(() => {
        inTimer = activeTrace();
      });
      return [before, activeTrace()];
    },
    at,
  );
  assert.deepEqual(seen, [TRACE, TRACE]);
  assert.equal(activeTrace(), undefined);
  await left;
  assert.equal(inTimer, TRACE);
});

test("a span that the handler starts is its child", () => {
  processMessage(from(TRACE), () => tracer().startSpan("charge").end(), at);
  assert.equal(
    only("charge").parentSpanContext?.spanId,
    only("process orders").spanContext().spanId,
  );
});

test("it ends when the handler settles, not before", async () => {
  const host = new EventEmitter();
  const pending = processMessage(from(TRACE), () => once(host, "done"), at);
  await turn();
  assert.equal(observed.open().length, 1);
  host.emit("done");
  await pending;
  assert.equal(observed.open().length, 0);
  assert.equal(only("process orders").status.code, SpanStatusCode.UNSET);
});

test("it ends as the last of several thenables does, each given by the one before", async () => {
  const error = new Error("last");
  const lazy = (given: unknown): PromiseLike<void> => ({
    // oxlint-disable-next-line unicorn/no-thenable -- a thenable of the application's is what is tested
    then: (done) => (done as (value: unknown) => never)(given),
  });
  await assert.rejects(
    async () => processMessage(from(TRACE), () => lazy(lazy(Promise.reject(error))), at),
    error,
  );
  assert.equal(only("process orders").status.message, "last");
});

test("what a lazy thenable does when it is waited for is done in its message's trace", async () => {
  const query = {
    // oxlint-disable-next-line unicorn/no-thenable -- a query builder's
    then(resolve: (rows: unknown) => void) {
      tracer().startSpan("query").end();
      resolve([]);
    },
  };
  await processMessage(from(TRACE), () => query, at);
  assert.equal(only("query").spanContext().traceId, TRACE);
  assert.equal(
    only("query").parentSpanContext?.spanId,
    only("process orders").spanContext().spanId,
  );
});

test("a handler that fails makes it an error, with the error's type and its exception", async () => {
  const error = Object.assign(new RangeError("too many"), { code: "E_MANY" });
  await assert.rejects(
    processMessage(from(TRACE), () => Promise.reject(error), at),
    error,
  );
  const span = only("process orders");
  assert.deepEqual(span.status, { code: SpanStatusCode.ERROR, message: "too many" });
  assert.equal(span.attributes["error.type"], "E_MANY");
  assert.equal(span.events[0]?.name, "exception");
});

test("error.type is the error's code, else its name, else _OTHER", () => {
  for (const [thrown, type] of [
    [Object.assign(new Error("a"), { code: 7 }), "Error"],
    [new TypeError("b"), "TypeError"],
    ["text", "_OTHER"],
    [undefined, "_OTHER"],
    [{ name: "x".repeat(200) }, "x".repeat(128)],
  ] as const) {
    observed.reset();
    const raise = (): never => {
      // oxlint-disable-next-line typescript/only-throw-error -- a handler may throw anything
      throw thrown;
    };
    assert.throws(() => processMessage(from(TRACE), raise, at));
    assert.equal(only("process orders").attributes["error.type"], type);
  }
});

test("without a context, or with a malformed one, it starts a new trace", () => {
  for (const headers of [undefined, {}, { traceparent: "00-garbage" }]) {
    observed.reset();
    const seen = processMessage({ headers }, activeTrace, at);
    const span = only("process orders");
    assert.equal(span.parentSpanContext, undefined);
    assert.equal(span.spanContext().traceId, seen);
  }
});

test("under a client's own loop what was active when it started is neither parent nor link", async () => {
  const incoming = stubConsumer();
  const boot = tracer().startSpan("boot");
  const active = trace.setSpan(ROOT_CONTEXT, boot);
  await context.with(active, () => traced(incoming.client).run({ eachMessage: async () => {} }));
  await context.with(active, async () => {
    await incoming.deliver(record({ traceparent: `00-${TRACE}-${SPAN}-01` }));
    await incoming.deliver(record());
  });
  const [first, second] = observed.spans();
  assert.equal(first?.parentSpanContext?.spanId, SPAN);
  assert.equal(second?.parentSpanContext, undefined);
  assert.notEqual(second?.spanContext().traceId, boot.spanContext().traceId);
  assert.deepEqual([first?.links, second?.links], [[], []]);
});

test("in an explicit processMessage an active span of another trace becomes a link", () => {
  tracer().startActiveSpan("poll", (poll) => {
    processMessage(from(TRACE), () => {}, at);
    poll.end();
  });
  const span = only("process orders");
  assert.equal(span.parentSpanContext?.spanId, SPAN);
  assert.deepEqual(
    span.links.map((link) => link.context.spanId),
    [only("poll").spanContext().spanId],
  );
});

test("in an explicit processMessage an active span of the message's own trace is no link", () => {
  tracer().startActiveSpan("poll", {}, contextOf(from(TRACE, "b7ad6b7169203331")), (poll) => {
    processMessage(from(TRACE), () => {}, at);
    poll.end();
  });
  assert.equal(only("process orders").parentSpanContext?.spanId, SPAN);
  assert.deepEqual(only("process orders").links, []);
});

test("a message that is already active gets no second span", async () => {
  const incoming = stubConsumer();
  const message = record({ traceparent: `00-${TRACE}-${SPAN}-01` });
  const answers: unknown[] = [];
  await traced(incoming.client).run({
    eachMessage: async (payload) => {
      answers.push(await processRecord(payload.message, async () => "direct"));
      await tracer().startActiveSpan("step", async (step) => {
        answers.push(processRecord(payload.message, () => "beneath a span"));
        step.end();
      });
    },
  });
  await incoming.deliver(message);
  assert.deepEqual(answers, ["direct", "beneath a span"]);
  assert.equal(observed.spans().length, 2);
});

test("another message inside a handler is in its own trace, linked to where it was handled", () => {
  processMessage(
    from(TRACE),
    () => {
      processMessage(from(OTHER), () => tracer().startSpan("inner").end(), at);
      assert.equal(activeTrace(), TRACE);
    },
    at,
  );
  const [, inner, outer] = observed.spans();
  assert.equal(only("inner").spanContext().traceId, OTHER);
  assert.equal(inner?.spanContext().traceId, OTHER);
  assert.deepEqual(
    inner.links.map((link) => link.context.spanId),
    [outer?.spanContext().spanId],
  );
});

const OWN = createContextKey("the application's own");

test("the application's own context values stay, in every scope", () => {
  context.with(ROOT_CONTEXT.setValue(OWN, "outside"), () => {
    processMessage(
      from(TRACE),
      () => {
        assert.equal(context.active().getValue(OWN), "outside");
        context.with(context.active().setValue(OWN, "inside"), () => {
          assert.equal(activeTrace(), TRACE);
          processMessage(
            from(OTHER),
            () => assert.equal(context.active().getValue(OWN), "inside"),
            at,
          );
        });
        context.with(context.active().deleteValue(OWN), () => {
          assert.equal(context.active().getValue(OWN), undefined);
          assert.equal(activeTrace(), TRACE);
        });
        assert.equal(contextOf(from(OTHER)).getValue(OWN), "outside");
      },
      at,
    );
  });
});

test("the active context answers as the api's own: what is set is read, what is deleted is gone", () => {
  const message = { headers: { ...from(TRACE).headers, baggage: "user=7" } };
  processMessage(
    message,
    () => {
      const active = context.active();
      assert.equal(trace.getSpanContext(trace.deleteSpan(active)), undefined);
      assert.equal(propagation.getBaggage(propagation.deleteBaggage(active)), undefined);
      assert.equal(propagation.getBaggage(trace.deleteSpan(active))?.getEntry("user")?.value, "7");
      const set = propagation.setBaggage(active, propagation.createBaggage({ a: { value: "1" } }));
      assert.equal(propagation.getBaggage(set)?.getEntry("a")?.value, "1");
      assert.equal(trace.getSpanContext(set)?.traceId, TRACE);
      assert.equal(trace.getSpanContext(active)?.traceId, TRACE);
    },
    at,
  );
});

test("handling a message within another's context, however often, makes no chain of contexts", () => {
  const { bottom, depthOf } = counted();
  let active = bottom.setValue(OWN, "stays");
  const depths = Array.from({ length: 10 }, () => {
    context.with(active, () =>
      processMessage(from(TRACE), () => void (active = context.active()), at),
    );
    return depthOf(active);
  });
  assert.deepEqual(new Set(depths), new Set([depths[0]]));
  assert.equal(active.getValue(OWN), "stays");
});

test("a suppressed region stays suppressed", () => {
  context.with(suppressTracing(ROOT_CONTEXT), () =>
    processMessage(from(TRACE), () => tracer().startSpan("inner").end(), at),
  );
  assert.deepEqual(observed.spans(), []);
});

test("contextOf is the message's context over the active one without its span and baggage", () => {
  const ambient = propagation.setBaggage(
    trace.setSpan(ROOT_CONTEXT.setValue(OWN, "stays"), tracer().startSpan("ambient")),
    propagation.createBaggage({ ambient: { value: "1" } }),
  );
  context.with(ambient, () => {
    const carried = contextOf(from(TRACE));
    assert.equal(trace.getSpanContext(carried)?.spanId, SPAN);
    assert.equal(propagation.getBaggage(carried), undefined);
    assert.equal(carried.getValue(OWN), "stays");
    assert.equal(trace.getSpanContext(contextOf({})), undefined);
  });
});

test("without spans, and with nobody who collects metrics, the handler's own promise is given back", () => {
  metrics.disable();
  const { client, deliver } = stubConsumer();
  const promise = Promise.resolve();
  void traced(client, { spans: "off" }).run({ eachMessage: () => promise });
  assert.equal(deliver(record()), promise);
});

test("without spans the message's own context is active, and no span is made", async () => {
  const incoming = stubConsumer();
  let active: ReturnType<typeof trace.getSpanContext>;
  await traced(incoming.client, { spans: "off" }).run({
    eachMessage: async () => {
      await turn();
      active = trace.getSpanContext(context.active());
    },
  });
  await incoming.deliver(record({ traceparent: `00-${TRACE}-${SPAN}-01` }));
  assert.deepEqual([active?.traceId, active?.spanId], [TRACE, SPAN]);
  assert.deepEqual(observed.spans(), []);
});
