// The pitfalls of propagating context through Kafka consumers by hand, each as it breaks and as it
// is whole: a span started too early, one context for a batch, a scope left open by an error, and
// a dead letter that loses its trace.
import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, beforeEach, test } from "node:test";
import type { KafkaMessage, Message } from "kafkajs";
import { deadLetter, processMessage, traced } from "throughline/kafkajs";
import { tracing, type Tracing } from "./sdk.ts";
import { header, record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const TRACES = [
  "4bf92f3577b34da6a3ce929d0e0e4736",
  "0af7651916cd43dd8448eb211c80319c",
  "8c2a1e5d9f3b7c4e6a0d8b2f1c5e9a3d",
];
const SPAN = "00f067aa0ba902b7";
const [TRACE] = TRACES as [string];
const from = (traceId: string): KafkaMessage => record({ traceparent: `00-${traceId}-${SPAN}-01` });
const tracer = (): Tracer => trace.getTracer("order-consumer");
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** By hand: a record's context, with the propagator that is configured. */
function extracted(message: KafkaMessage, onto: Context = ROOT_CONTEXT): Context {
  const carrier = Object.fromEntries(
    Object.keys(message.headers ?? {}).map((name) => [name, header(message, name)]),
  );
  return propagation.extract(onto, carrier);
}

/** By hand: a span around some work, active in it, ended in any case. */
async function within(name: string, parent: Context, work: () => Promise<void>): Promise<void> {
  const span = tracer().startSpan(name, {}, parent);
  try {
    await context.with(trace.setSpan(parent, span), work);
  } finally {
    span.end();
  }
}

/** The application's own work on a record: a span, which says whose trace the handler was in. */
async function work(): Promise<void> {
  await turn();
  const span: Span = tracer().startSpan("charge");
  span.end();
}

/** The traces that the spans of a name are in, in order. */
const tracesOf = (name: string): string[] =>
  observed.spans().flatMap((span) => (span.name === name ? [span.spanContext().traceId] : []));

/** Runs a handler for each record of the consumer. */
async function eachOf(
  messages: KafkaMessage[],
  eachMessage: (message: KafkaMessage) => Promise<void>,
  wrap: typeof traced = (client) => client,
): Promise<void> {
  const incoming = stubConsumer();
  await wrap(incoming.client).run({ eachMessage: ({ message }) => eachMessage(message) });
  for (const message of messages) await incoming.deliver(message);
}

test("a span started before the context is activated: broken", async () => {
  await eachOf([from(TRACE)], async (message) => {
    const span = tracer().startSpan("process orders");
    await context.with(extracted(message), work);
    span.end();
  });
  assert.notEqual(tracesOf("process orders")[0], TRACE);
  assert.equal(
    observed.spans().find(({ name }) => name === "process orders")?.parentSpanContext,
    undefined,
  );
});

test("a span started before the context is activated: whole", async () => {
  await eachOf([from(TRACE)], work, traced);
  const [charge, process] = observed.spans();
  assert.deepEqual([tracesOf("process orders"), tracesOf("charge")], [[TRACE], [TRACE]]);
  assert.equal(process?.parentSpanContext?.spanId, SPAN);
  assert.equal(charge?.parentSpanContext?.spanId, process?.spanContext().spanId);
});

test("a span that is started and never activated leaves the handler's own its siblings: broken", async () => {
  await eachOf([from(TRACE)], async (message) => {
    const parent = extracted(message);
    await context.with(parent, async () => {
      const span = tracer().startSpan("process orders", {}, parent);
      await work();
      span.end();
    });
  });
  const [charge] = observed.spans();
  assert.equal(charge?.name, "charge");
  assert.equal(charge.parentSpanContext?.spanId, SPAN);
});

test("the first record's context for a whole batch: broken", async () => {
  const incoming = stubConsumer();
  await incoming.client.run({
    eachBatch: ({ batch }) =>
      within("process orders", extracted(batch.messages[0] as KafkaMessage), async () => {
        for (const _ of batch.messages) await work();
      }),
  });
  await incoming.deliverBatch(TRACES.map(from));
  assert.deepEqual(tracesOf("charge"), [TRACE, TRACE, TRACE]);
});

test("each record's own context in a batch, one after another and side by side: whole", async () => {
  const incoming = stubConsumer();
  await traced(incoming.client).run({
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) await processMessage(message, work);
      await Promise.all(batch.messages.map((message) => processMessage(message, work)));
    },
  });
  await incoming.deliverBatch(TRACES.map(from));
  assert.deepEqual(tracesOf("charge"), [...TRACES, ...TRACES]);
});

/** A context that is entered, and must be left by hand: what attach and detach are elsewhere. */
const attached = new AsyncLocalStorage<Context>();

test("a context that is not left where the handler fails: broken", async () => {
  const incoming = stubConsumer();
  await incoming.client.run({
    eachMessage: async ({ message }) => {
      if (message.headers?.["traceparent"] !== undefined) attached.enterWith(extracted(message));
      tracer()
        .startSpan("charge", {}, attached.getStore() ?? ROOT_CONTEXT)
        .end();
      if (message.value === null) throw new Error("tombstone");
      attached.enterWith(ROOT_CONTEXT);
    },
  });
  await attached.run(ROOT_CONTEXT, async () => {
    const failing = record({ traceparent: `00-${TRACE}-${SPAN}-01` }, { value: null });
    // A loop goes on in the same asynchronous slot.
    await assert.rejects(incoming.deliver(failing) as Promise<void>, /tombstone/);
    await incoming.deliver(record());
  });
  assert.deepEqual(tracesOf("charge"), [TRACE, TRACE]);
});

test("nothing is left active by a handler that fails, in whatever way: whole", async () => {
  const incoming = stubConsumer();
  const error = new Error("tombstone");
  const ways = [
    () => {
      throw error;
    },
    () => Promise.reject(error),
    () => turn().then(() => Promise.reject(error)),
    work,
  ];
  await traced(incoming.client).run({ eachMessage: () => (ways.shift() as typeof work)() });
  for (const _ of [1, 2, 3]) {
    await assert.rejects(async () => incoming.deliver(from(TRACE)), error);
    assert.equal(trace.getActiveSpan(), undefined);
  }
  await incoming.deliver(record());
  assert.notEqual(tracesOf("charge")[0], TRACE);
  assert.deepEqual(tracesOf("process orders").slice(0, 3), [TRACE, TRACE, TRACE]);
  assert.deepEqual(observed.open(), []);
});

/** Delivers what was parked to a consumer of dead letters, and says which trace it is handled in. */
async function handledDead(parked: Message | undefined): Promise<string | undefined> {
  const message = record({}, { headers: parked?.headers as NonNullable<KafkaMessage["headers"]> });
  await eachOf([message], work, traced);
  return tracesOf("charge").at(-1);
}

test("a dead letter published without its record's context: broken", async () => {
  const outgoing = stubProducer();
  await eachOf([from(TRACE)], async ({ key, value }) => {
    await outgoing.client.send({ topic: "orders.dlq", messages: [{ key, value }] });
  });
  assert.notEqual(await handledDead(outgoing.messages()[0]), TRACE);
});

test("a dead letter published where another span is active is in that one's trace: broken", async () => {
  const outgoing = stubProducer();
  await eachOf([from(TRACE)], async ({ key, value }) => {
    await within("sweep", ROOT_CONTEXT, async () => {
      const headers: Record<string, string> = {};
      propagation.inject(context.active(), headers);
      await outgoing.client.send({ topic: "orders.dlq", messages: [{ key, value, headers }] });
    });
  });
  assert.notEqual(await handledDead(outgoing.messages()[0]), TRACE);
});

test("a dead letter stays in its record's trace, whatever is active and whoever sends it: whole", async () => {
  for (const isTraced of [true, false]) {
    const outgoing = stubProducer();
    const producer = isTraced ? traced(outgoing.client) : outgoing.client;
    await eachOf(
      [from(TRACE)],
      (message) =>
        within("sweep", trace.deleteSpan(context.active()), async () => {
          const messages = [deadLetter(message, new Error("card declined"))];
          await producer.send({ topic: "orders.dlq", messages });
        }),
      traced,
    );
    assert.equal(await handledDead(outgoing.messages()[0]), TRACE);
  }
});
