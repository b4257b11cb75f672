// What docs/node.md says of how context is kept and lost in Node: each statement is a test here.
import { context, createContextKey, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { afterEach, beforeEach, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { injectContext, processMessage } from "throughline";
import { tracing, type Tracing } from "./sdk.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const ONE = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER = "0af7651916cd43dd8448eb211c80319c";
const from = (traceId: string) => ({
  headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
});
/** Handles a message of a trace. */
const handle = <Result>(traceId: string, handler: () => Result): Result =>
  processMessage(from(traceId), handler, { system: "nats", destination: "orders" });
/** The trace that is active: what a span started here would be in. */
const active = (): string | undefined => trace.getActiveSpan()?.spanContext().traceId;

test("what a scope starts stays in it: awaits, promises, timers, immediates, ticks, microtasks", async () => {
  const seen = await handle(ONE, async () => {
    const started = [
      Promise.resolve().then(active),
      turn().then(active),
      new Promise((resolve) => setTimeout(() => resolve(active()), 1)),
      new Promise((resolve) => process.nextTick(() => resolve(active()))),
      new Promise((resolve) => queueMicrotask(() => resolve(active()))),
    ];
    await turn();
    return [active(), ...(await Promise.all(started))];
  });
  assert.deepEqual(seen, [ONE, ONE, ONE, ONE, ONE, ONE]);
});

test("what comes after a scope is outside of it, though its work goes on", async () => {
  const working = handle(ONE, async () => {
    await turn();
    return active();
  });
  assert.equal(active(), undefined);
  assert.equal(await working, ONE);
  assert.equal(active(), undefined);
});

test("handlers side by side each stay in their own", async () => {
  const seen = await Promise.all(
    [ONE, OTHER, ONE].map((traceId) =>
      handle(traceId, async () => {
        const before = active();
        await turn();
        return [before, active()];
      }),
    ),
  );
  assert.deepEqual(seen, [
    [ONE, ONE],
    [OTHER, OTHER],
    [ONE, ONE],
  ]);
});

test("an await comes back to its own scope, whoever settles the promise", async () => {
  let settle = (): void => {};
  const shared = new Promise<void>((resolve) => (settle = resolve));
  const waiting = handle(ONE, async () => {
    await shared;
    return active();
  });
  handle(OTHER, () => settle());
  assert.equal(await waiting, ONE);
});

test("without a context manager nothing is active, and the handler's own spans are roots", async () => {
  await observed.shutdown();
  observed = tracing({ contextManager: false });
  handle(ONE, () => trace.getTracer("application").startSpan("charge").end());
  const [charge, process] = observed.spans();
  assert.equal(process?.spanContext().traceId, ONE);
  assert.equal(charge?.parentSpanContext, undefined);
});

test("a listener runs where the event is emitted, not where it was added", () => {
  const orders = new EventEmitter();
  const seen: (string | undefined)[] = [];
  handle(ONE, () => {
    orders.once("paid", () => seen.push(active()));
    orders.once(
      "paid",
      context.bind(context.active(), () => seen.push(active())),
    );
  });
  handle(OTHER, () => orders.emit("paid"));
  assert.deepEqual(seen, [OTHER, ONE]);
});

test("a callback that is kept runs where it is called, unless it was bound", () => {
  const waiting: (() => void)[] = [];
  const seen: (string | undefined)[] = [];
  handle(ONE, () => {
    waiting.push(() => seen.push(active()));
    waiting.push(context.bind(context.active(), () => seen.push(active())));
  });
  for (const callback of waiting) callback();
  assert.deepEqual(seen, [undefined, ONE]);
});

test("a job from a queue is done in the scope of the loop that takes it, unless it brings its own", async () => {
  const jobs: { headers: Record<string, string> }[] = [];
  const wake = new EventEmitter();
  const seen: (string | undefined)[] = [];
  // A worker that was started at boot.
  const worker = (async () => {
    await once(wake, "job");
    for (const job of jobs) {
      seen.push(active());
      processMessage(job, () => seen.push(active()), { system: "jobs", destination: "charges" });
    }
  })();
  handle(ONE, () => {
    jobs.push({ headers: injectContext({}) });
    wake.emit("job");
  });
  await worker;
  assert.deepEqual(seen, [undefined, ONE]);
});

test("what the first message starts for all of them stays in its trace, unless it is started outside", async () => {
  const ticks = new EventEmitter();
  const seen: (string | undefined)[] = [];
  let timers: NodeJS.Timeout[] | undefined;
  const tick = (): void => {
    if (seen.push(active()) === 2) ticks.emit("both");
  };
  const startOnce = (): void => {
    timers ??= [setInterval(tick, 1), context.with(ROOT_CONTEXT, () => setInterval(tick, 1))];
  };
  const both = once(ticks, "both");
  handle(ONE, startOnce);
  handle(OTHER, startOnce);
  await both;
  for (const timer of timers ?? []) clearInterval(timer);
  assert.deepEqual(seen.slice(0, 2), [ONE, undefined]);
});

test("work that two handlers share is done in the trace of the first", async () => {
  let price: Promise<string | undefined> | undefined;
  const shared = (): Promise<string | undefined> => (price ??= turn().then(active));
  const first = handle(ONE, shared);
  const second = handle(OTHER, async () => [await shared(), active()]);
  assert.equal(await first, ONE);
  assert.deepEqual(await second, [ONE, OTHER]);
});

/** As query builders do: nothing happens before somebody awaits. */
const query = () => ({
  // oxlint-disable-next-line unicorn/no-thenable -- what a query builder is
  then: (resolve: (value: string | undefined) => void) => resolve(active()),
});

test("a thenable does its work in the scope that awaits it, not in the one that made it", async () => {
  const made = handle(ONE, () => ({ query: query() }));
  const awaiting = async (): Promise<string | undefined> => {
    const worked = await made.query;
    return worked;
  };
  assert.equal(await handle(OTHER, awaiting), OTHER);
});

test("a thenable that a handler returns does its work in the message's scope", async () => {
  assert.equal(await handle(ONE, query), ONE);
  assert.equal(await handle(ONE, async () => query()), ONE);
});

test("a generator runs in the scope of whoever asks for its next value", async () => {
  async function* reads(): AsyncGenerator<string | undefined> {
    yield active();
    await turn();
    yield active();
  }
  const made = handle(ONE, reads);
  const next = async (): Promise<unknown> => (await made.next()).value;
  assert.deepEqual([await handle(OTHER, next), await next()], [OTHER, undefined]);
});

test("nothing crosses to a worker thread and back by itself; headers do", async () => {
  const echo =
    'require("node:worker_threads").parentPort.on("message", (job) => { require("node:worker_threads").parentPort.postMessage(job); });';
  const worker = new Worker(echo, { eval: true });
  try {
    const seen: (string | undefined)[] = [];
    const back = new Promise<void>((resolve) => {
      worker.on("message", (job: { headers: Record<string, string> }) => {
        seen.push(active());
        processMessage(job, () => seen.push(active()), { system: "jobs", destination: "charges" });
        resolve();
      });
    });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is a window's
    handle(ONE, () => worker.postMessage({ headers: injectContext({}) }));
    await back;
    assert.deepEqual(seen, [undefined, ONE]);
  } finally {
    await worker.terminate();
  }
});

test("values of the application's own context are there in a message's scope", () => {
  const tenant = createContextKey("tenant");
  const seen = context.with(ROOT_CONTEXT.setValue(tenant, "acme"), () =>
    handle(ONE, () => context.active().getValue(tenant)),
  );
  assert.equal(seen, "acme");
});
