// A batch has one span of its own, a root; each message processed singly is in its own producer's
// trace. Rule 2 of the design.
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { KafkaMessage } from "kafkajs";
import { processBatch as processAny, processMessage as processAnyOne } from "throughline";
import { processMessage, traced } from "throughline/kafkajs";
import { counted as countedContexts } from "./context-depth.ts";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";
import { record, stubConsumer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const hex = (at: number, length: number): string => (at + 1).toString(16).padStart(length, "0");
const traceOf = (at: number): string => hex(at, 32);
const spanOf = (at: number): string => hex(at, 16);

/** So many records, each of a trace of its own. */
const records = (count: number): KafkaMessage[] =>
  Array.from({ length: count }, (_, at) =>
    record({ traceparent: `00-${traceOf(at)}-${spanOf(at)}-01`, baggage: `at=${at}` }),
  );

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const linksOf = (span: FinishedSpan | undefined): string[] =>
  span?.links.map((link) => link.context.spanId) ?? [];

type EachBatch = (messages: readonly KafkaMessage[]) => Promise<void>;

async function deliver(
  messages: KafkaMessage[],
  eachBatch: EachBatch,
): Promise<{ batch: FinishedSpan | undefined; singles: FinishedSpan[] }> {
  const incoming = stubConsumer();
  await traced(incoming.client).run({ eachBatch: ({ batch }) => eachBatch(batch.messages) });
  await incoming.deliverBatch(messages);
  return split();
}

const counted = (span: FinishedSpan): boolean => "messaging.batch.message_count" in span.attributes;

function split(): { batch: FinishedSpan | undefined; singles: FinishedSpan[] } {
  const spans = observed.spans().filter(({ kind }) => kind === SpanKind.CONSUMER);
  return { batch: spans.find(counted), singles: spans.filter((span) => !counted(span)) };
}

test("a batch is one process span: a root, linked to each of its messages", async () => {
  const ambient = trace.setSpan(ROOT_CONTEXT, trace.getTracer("application").startSpan("boot"));
  let active: string | undefined;
  const { batch, singles } = await context.with(ambient, () =>
    deliver(records(3), async () => {
      active = trace.getActiveSpan()?.spanContext().spanId;
    }),
  );
  assert.deepEqual(singles, []);
  assert.equal(batch?.name, "process orders");
  assert.equal(batch.parentSpanContext, undefined);
  assert.equal(batch.attributes["messaging.batch.message_count"], 3);
  assert.deepEqual(linksOf(batch), [spanOf(0), spanOf(1), spanOf(2)]);
  assert.equal(active, batch.spanContext().spanId);
});

test("a batch of 300 has 128 links, the first ones, and says how many more there were", async () => {
  const { batch } = await deliver(records(300), async () => {});
  assert.deepEqual(
    linksOf(batch),
    Array.from({ length: 128 }, (_, at) => spanOf(at)),
  );
  assert.equal(batch?.attributes["throughline.links.dropped"], 172);
});

test("a batch of 128 says nothing of dropped links", async () => {
  const { batch } = await deliver(records(128), async () => {});
  assert.equal(linksOf(batch).length, 128);
  assert.equal(batch?.attributes["throughline.links.dropped"], undefined);
});

test("each message has its own span in its own trace, with its own end and error, linked to the batch", async () => {
  const messages = records(3);
  const error = new Error("second");
  const { batch, singles } = await deliver(messages, async () => {
    for (const [at, message] of messages.entries()) {
      const done = processMessage(message, async () => {
        await turn();
        if (at === 1) throw error;
      });
      await done.catch((thrown: unknown) => assert.equal(thrown, error));
      assert.equal(observed.spans().length, at + 1);
    }
  });
  assert.deepEqual(
    singles.map((span) => [span.spanContext().traceId, span.parentSpanContext?.spanId]),
    [0, 1, 2].map((at) => [traceOf(at), spanOf(at)]),
  );
  assert.deepEqual(
    singles.map(({ status }) => status.code),
    [SpanStatusCode.UNSET, SpanStatusCode.ERROR, SpanStatusCode.UNSET],
  );
  for (const single of singles) assert.deepEqual(linksOf(single), [batch?.spanContext().spanId]);
  assert.equal(batch?.status.code, SpanStatusCode.UNSET);
});

test("where the batch's span is not sampled, a message's span does not link to it", async () => {
  await observed.shutdown();
  observed = tracing({ sampler: "parentbased_always_off" });
  const messages = records(2);
  const { batch, singles } = await deliver(messages, async () => {
    for (const message of messages) processMessage(message, () => {});
  });
  assert.equal(batch, undefined);
  assert.deepEqual(singles.map(linksOf), [[], []]);
});

test("a batch of one is a batch like any other", async () => {
  const [message] = records(1) as [KafkaMessage];
  const { batch, singles } = await deliver([message], async () => {
    processMessage(message, () => {});
  });
  assert.equal(batch?.parentSpanContext, undefined);
  assert.equal(batch?.attributes["messaging.batch.message_count"], 1);
  assert.deepEqual(linksOf(batch), [spanOf(0)]);
  assert.equal(singles[0]?.parentSpanContext?.spanId, spanOf(0));
});

test("a batch that fails is an error, and the handler's own", async () => {
  const error = new Error("failed");
  await assert.rejects(
    deliver(records(2), () => Promise.reject(error)),
    error,
  );
  assert.equal(split().batch?.status.code, SpanStatusCode.ERROR);
});

test("an empty batch is handed on without a span", async () => {
  let handled = 0;
  await deliver([], async () => void (handled += 1));
  assert.equal(handled, 1);
  assert.deepEqual(observed.spans(), []);
});

test("messages without a context are no links; one that several traces claim is linked to each", async () => {
  const several = record({
    traceparent: [`00-${traceOf(7)}-${spanOf(7)}-01`, `00-${traceOf(8)}-${spanOf(8)}-01`],
  });
  const malformed = record({ traceparent: "garbage" });
  const { batch } = await deliver([record(), several, malformed], async () => {});
  assert.deepEqual(linksOf(batch), [spanOf(7), spanOf(8)]);
  assert.equal(batch?.attributes["messaging.batch.message_count"], 3);
});

test("no message's baggage is active for the batch; each one's own is for itself", async () => {
  const messages = records(2);
  const outside = propagation.setBaggage(
    ROOT_CONTEXT,
    propagation.createBaggage({ boot: { value: "1" } }),
  );
  const seen: unknown[] = [];
  const keep = (): void =>
    void seen.push(
      propagation
        .getActiveBaggage()
        ?.getAllEntries()
        .map(([key, { value }]) => [key, value]),
    );
  await context.with(outside, () =>
    deliver(messages, async () => {
      keep();
      for (const message of messages) processMessage(message, keep);
      keep();
    }),
  );
  assert.deepEqual(seen, [undefined, [["at", "0"]], [["at", "1"]], undefined]);
});

test("handlers side by side never see each other's context", async () => {
  const batches = [records(20), records(20)];
  const seen: [string, string | undefined][] = [];
  const incoming = stubConsumer();
  const keep = (at: number): void =>
    void seen.push([traceOf(at), trace.getActiveSpan()?.spanContext().traceId]);
  await traced(incoming.client).run({
    eachBatch: async ({ batch }) => {
      const own = trace.getActiveSpan();
      await Promise.all(
        batch.messages.map((message, at) =>
          processMessage(message, async () => {
            keep(at);
            for (let turns = 0; turns <= at % 5; turns++) await turn();
            keep(at);
            setImmediate(() => keep(at));
            await Promise.resolve();
            keep(at);
          }),
        ),
      );
      assert.equal(trace.getActiveSpan(), own);
    },
  });
  await Promise.all(batches.map((messages) => incoming.deliverBatch(messages)));
  await turn();
  await turn();
  assert.equal(seen.length, 160);
  assert.deepEqual(
    seen.filter(([expected, actual]) => expected !== actual),
    [],
  );
});

test("handling a batch within another's context, however often, makes no chain of contexts", () => {
  const { bottom, depthOf } = countedContexts();
  let active = bottom;
  const depths = Array.from({ length: 10 }, () => {
    context.with(active, () =>
      processAny([{ headers: {} }], () => void (active = context.active()), {
        system: "nats",
        destination: "orders",
      }),
    );
    return depthOf(active);
  });
  assert.deepEqual(new Set(depths), new Set([depths[0]]));
});

test("messages are found in any order, and as often as they are handled", async () => {
  const messages = records(4);
  const order = [2, 3, 3, 1];
  const { batch, singles } = await deliver(messages, async () => {
    for (const at of order) processMessage(messages[at] as KafkaMessage, () => {});
  });
  assert.deepEqual(
    singles.map((span) => span.parentSpanContext?.spanId),
    order.map(spanOf),
  );
  for (const single of singles) assert.deepEqual(linksOf(single), [batch?.spanContext().spanId]);
  // Each is measured, and the batch is not measured beside them.
  const points = (await observed.metrics()).get("messaging.process.duration")?.points ?? [];
  const counts = points.map(({ value }) => (value as { count: number }).count);
  assert.deepEqual(counts, [order.length]);
});

test("without spans each message's own context is active in its handler, none in the batch's", async () => {
  const incoming = stubConsumer();
  const messages = records(2);
  const seen: unknown[] = [];
  const keep = (): void => void seen.push(trace.getActiveSpan()?.spanContext().spanId);
  await traced(incoming.client, { spans: "off" }).run({
    eachBatch: async () => {
      keep();
      for (const message of messages) processMessage(message, keep);
    },
  });
  const boot = trace.wrapSpanContext({ traceId: traceOf(99), spanId: spanOf(99), traceFlags: 1 });
  await context.with(trace.setSpan(ROOT_CONTEXT, boot), () => incoming.deliverBatch(messages));
  assert.deepEqual(seen, [undefined, spanOf(0), spanOf(1)]);
  assert.deepEqual(observed.spans(), []);
});

const held = (at: number) => ({ headers: { traceparent: `00-${traceOf(at)}-${spanOf(at)}-01` } });

test("messages that the application holds together are a batch just so", async () => {
  const messages = [held(0), held(1)];
  const answer = processAny(
    messages,
    (given) => {
      assert.equal(given, messages);
      for (const message of given) processAnyOne(message, () => {});
      return "inserted";
    },
    { system: "aws_sqs", destination: "orders" },
  );
  assert.equal(answer, "inserted");
  const { batch, singles } = split();
  assert.equal(batch?.name, "process orders");
  assert.equal(batch.parentSpanContext, undefined);
  assert.deepEqual(linksOf(batch), [spanOf(0), spanOf(1)]);
  assert.deepEqual(
    singles.map((span) => [span.name, span.parentSpanContext?.spanId, ...linksOf(span)]),
    [0, 1].map((at) => ["process orders", spanOf(at), batch.spanContext().spanId]),
  );
});

const handle = (messages: readonly KafkaMessage[]): void => {
  for (const message of messages) processMessage(message, () => {});
};

test("of messages held together, those of an ignored destination get no span", async () => {
  const incoming = stubConsumer();
  const kept: KafkaMessage[] = [];
  await traced(incoming.client, { ignore: (topic) => topic === "audit" }).run({
    eachMessage: async ({ message }) => void kept.push(message),
  });
  for (const topic of ["audit", "orders"]) await incoming.deliver(record(), { topic });
  observed.reset();
  processAny(kept, handle);
  assert.deepEqual(
    observed.spans().map(({ name }) => name),
    ["process orders", "process"],
  );
  observed.reset();
  processAny(kept.slice(0, 1), handle);
  assert.deepEqual(observed.spans(), []);
});

test("a batch of several partitions, or several destinations, names what they share", async () => {
  const incoming = stubConsumer();
  const kept: KafkaMessage[] = [];
  await traced(incoming.client, { groupId: "payments" }).run({
    eachMessage: async ({ message }) => void kept.push(message),
  });
  for (const [topic, partition] of [
    ["orders", 0],
    ["orders", 1],
    ["invoices", 0],
  ] as const) {
    await incoming.deliver(record(), { topic, partition });
  }
  const shared = { "messaging.system": "kafka", "messaging.consumer.group.name": "payments" };
  const operation = {
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
  };
  for (const [count, name, named] of [
    [
      1,
      "process orders",
      { "messaging.destination.name": "orders", "messaging.destination.partition.id": "0" },
    ],
    [2, "process orders", { "messaging.destination.name": "orders" }],
    [3, "process", {}],
  ] as const) {
    observed.reset();
    processAny(kept.slice(0, count), () => {});
    const { batch } = split();
    assert.equal(batch?.name, name);
    assert.deepEqual(
      { ...batch.attributes },
      { ...operation, ...shared, ...named, "messaging.batch.message_count": count },
    );
  }
});
