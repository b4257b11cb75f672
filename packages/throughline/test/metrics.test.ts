import {
  type Attributes,
  createNoopMeter,
  type Meter,
  type MeterProvider,
  type ObservableCallback,
} from "@opentelemetry/api";
import assert from "node:assert/strict";
import { test } from "node:test";
import { processMessage, traced } from "throughline/kafkajs";
import { type CollectedMetric, type Tracing, tracing } from "./sdk.ts";
import { record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER = "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/** Series are kept for the process: what a test adds is told by a topic of its own. */
async function ofTopic(
  observed: Tracing,
  metric: string,
  topic: string,
): Promise<CollectedMetric["points"]> {
  const points = (await observed.metrics()).get(metric)?.points ?? [];
  return points.filter(({ attributes }) => Object.values(attributes).includes(topic));
}

const count = (point: { value: unknown } | undefined): number =>
  (point?.value as { count: number } | undefined)?.count ?? 0;

test("each delivered message is counted by what became of its context", async (t) => {
  const observed = tracing();
  t.after(() => observed.shutdown());
  const stub = stubConsumer();
  await traced(stub.client, { groupId: "g" }).run({ eachMessage: async () => {} });
  const topic = "outcomes";
  const headers = [
    { traceparent: TRACEPARENT },
    {},
    { traceparent: "garbage" },
    { traceparent: [TRACEPARENT, OTHER] },
    { traceparent: TRACEPARENT },
  ];
  for (const each of headers) await stub.deliver(record(each), { topic });
  const points = await ofTopic(observed, "throughline.context", topic);
  assert.deepEqual(
    Object.fromEntries(points.map(({ attributes, value }) => [attributes["outcome"], value])),
    { extracted: 2, missing: 1, malformed: 1, duplicate: 1 },
  );
  const consumed = await ofTopic(observed, "messaging.client.consumed.messages", topic);
  assert.deepEqual(
    consumed.map(({ value }) => value),
    [5],
  );
});

test("a batch is measured once: by itself, or by its messages where they are processed one by one", async (t) => {
  const observed = tracing();
  t.after(() => observed.shutdown());
  const stub = stubConsumer();
  let singly = false;
  await traced(stub.client, { groupId: "g" }).run({
    eachBatch: async ({ batch }) => {
      if (singly)
        for (const message of batch.messages) await processMessage(message, async () => {});
    },
  });
  await stub.deliverBatch([record(), record(), record()], { topic: "whole" });
  singly = true;
  await stub.deliverBatch([record(), record(), record()], { topic: "singly" });
  const [whole] = await ofTopic(observed, "messaging.process.duration", "whole");
  const [single] = await ofTopic(observed, "messaging.process.duration", "singly");
  assert.equal(count(whole), 1);
  assert.equal(count(single), 3);
  for (const topic of ["whole", "singly"]) {
    const [consumed] = await ofTopic(observed, "messaging.client.consumed.messages", topic);
    assert.equal(consumed?.value, 3);
  }
});

test("durations are in seconds, in the convention's buckets, and tell the type of an error", async (t) => {
  const observed = tracing();
  t.after(() => observed.shutdown());
  const stub = stubConsumer();
  await traced(stub.client, { groupId: "g" }).run({
    eachMessage: async () => {
      throw new RangeError("no");
    },
  });
  await assert.rejects(async () => stub.deliver(record(), { topic: "fails" }), RangeError);
  const [point] = await ofTopic(observed, "messaging.process.duration", "fails");
  assert.equal(point?.attributes["error.type"], "RangeError");
  const histogram = point?.value as { buckets: { boundaries: number[] } } | undefined;
  assert.deepEqual(
    histogram?.buckets.boundaries,
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  );
  assert.equal((await observed.metrics()).get("messaging.process.duration")?.unit, "s");
});

test("sent messages are counted, and those of a failed send by its error's type", async (t) => {
  const observed = tracing();
  t.after(() => observed.shutdown());
  const stub = stubProducer();
  const producer = traced(stub.client);
  const messages = [{ value: "1" }, { value: "2" }];
  await producer.send({ topic: "counted", messages });
  const failing = stubProducer().client;
  failing.send = async () => {
    throw new TypeError("no");
  };
  await assert.rejects(traced(failing).send({ topic: "counted", messages }), TypeError);
  const points = await ofTopic(observed, "messaging.client.sent.messages", "counted");
  assert.deepEqual(
    points.map(({ attributes, value }) => [attributes["error.type"], value]),
    [
      [undefined, 2],
      ["TypeError", 2],
    ],
  );
  const durations = await ofTopic(observed, "messaging.client.operation.duration", "counted");
  assert.equal(durations.length, 2);
});

test("with a template, metrics name the template and never the destination", async (t) => {
  const observed = tracing();
  t.after(() => observed.shutdown());
  const stub = stubConsumer();
  const destinationTemplate = (): string => "reply-{id}";
  await traced(stub.client, { groupId: "g", destinationTemplate }).run({
    eachMessage: async () => {},
  });
  await stub.deliver(record(), { topic: "reply-17" });
  for (const metric of ["throughline.context", "messaging.process.duration"]) {
    assert.equal((await ofTopic(observed, metric, "reply-17")).length, 0);
    assert.equal((await ofTopic(observed, metric, "reply-{id}")).length, 1);
  }
});

test("durations of handlers that fail in turn each tell their own error's type, and those between them none", async (t) => {
  const observed = tracing();
  t.after(() => observed.shutdown());
  const stub = stubConsumer();
  const errors = [new RangeError("1"), undefined, new SyntaxError("2"), new RangeError("3")];
  await traced(stub.client, { groupId: "g" }).run({
    eachMessage: async () => {
      const error = errors.shift();
      if (error !== undefined) throw error;
    },
  });
  while (errors.length > 0) {
    await Promise.resolve(stub.deliver(record(), { topic: "in turn" })).catch(() => {});
  }
  const points = await ofTopic(observed, "messaging.process.duration", "in turn");
  assert.deepEqual(
    new Map(points.map((point) => [point.attributes["error.type"], count(point)])),
    new Map<unknown, number>([
      ["RangeError", 2],
      [undefined, 1],
      ["SyntaxError", 1],
    ]),
  );
});

test("a duration is the time that handling took", async (t) => {
  const observed = tracing();
  t.after(() => observed.shutdown());
  const stub = stubConsumer();
  await traced(stub.client, { groupId: "g" }).run({
    eachMessage: async () => {
      const until = performance.now() + 5;
      while (performance.now() < until);
    },
  });
  const beganMs = performance.now();
  await stub.deliver(record(), { topic: "slow" });
  const tookMs = performance.now() - beganMs;
  const [point] = await ofTopic(observed, "messaging.process.duration", "slow");
  const sum = (point?.value as { sum: number } | undefined)?.sum ?? 0;
  assert.ok(sum >= 0.005 && sum <= tookMs / 1000, `${sum} s of ${tookMs} ms`);
});

/** A meter provider that is read by hand: the SDK has a limit of its own, which would hide ours. */
function readByHand() {
  const callbacks = new Map<string, ObservableCallback>();
  const meter = {
    ...createNoopMeter(),
    createHistogram: () => ({ record() {} }),
    createObservableCounter: (name: string) => ({
      addCallback: (callback: ObservableCallback) => void callbacks.set(name, callback),
    }),
  };
  return {
    meterProvider: { getMeter: () => meter as unknown as Meter } satisfies MeterProvider,
    read(name: string): { attributes: Attributes | undefined; value: number }[] {
      const points: { attributes: Attributes | undefined; value: number }[] = [];
      const observe = (value: number, attributes?: Attributes) => {
        points.push({ value, attributes });
      };
      void callbacks.get(name)?.({ observe });
      return points;
    },
  };
}

test("series beyond two thousand are counted together", async () => {
  const { meterProvider, read } = readByHand();
  const stub = stubConsumer();
  await traced(stub.client, { groupId: "g", meterProvider }).run({ eachMessage: async () => {} });
  for (let at = 0; at < 2100; at++) await stub.deliver(record(), { topic: `many-${at}` });
  const points = read("messaging.client.consumed.messages");
  assert.equal(points.length, 2001);
  const overflow = points.filter(({ attributes }) => attributes?.["otel.metric.overflow"] === true);
  assert.deepEqual(
    overflow.map(({ value }) => value),
    [100],
  );
});
