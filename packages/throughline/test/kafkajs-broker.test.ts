import { SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { CompressionTypes, type Consumer, type EachMessagePayload, Kafka, logLevel } from "kafkajs";
import { deadLetter, deadLetterOf, traced, withRetries } from "throughline/kafkajs";
import { createTopic } from "./kafka-topic.ts";
import { tracing } from "./sdk.ts";

// What only kafkajs on a real Kafka can show.

const brokers = process.env["KAFKA_BROKERS"]?.split(",");
const options = {
  skip:
    brokers === undefined &&
    "no real Kafka: set KAFKA_BROKERS, or install java and mvn for npm test",
  timeout: 120_000,
};

function bareKafka(): Kafka {
  return new Kafka({ brokers: brokers ?? [], logLevel: logLevel.NOTHING });
}

async function withTopics(kafka: Kafka, topics: readonly string[]): Promise<void> {
  for (const topic of topics) await createTopic(kafka, topic, 1);
}

async function produce(kafka: Kafka, topic: string, values: readonly string[]): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, messages: values.map((value) => ({ value })) });
  await producer.disconnect();
}

/** Runs a consumer until `count` messages have been handled, then stops it. */
async function consumeSome(
  consumer: Consumer,
  topics: (string | RegExp)[],
  count: number,
  handler: (payload: EachMessagePayload) => Promise<void>,
): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: true });
  let handled = 0;
  let all: (() => void) | undefined;
  const done = new Promise<void>((resolve) => {
    all = resolve;
  });
  await consumer.run({
    eachMessage: async (payload) => {
      await handler(payload);
      handled += 1;
      if (handled === count) all?.();
    },
  });
  await done;
  await consumer.stop();
  await consumer.disconnect();
}

test(
  "topics subscribed to by a regular expression and by name each name their own spans",
  options,
  async (t) => {
    const observed = tracing();
    t.after(() => observed.shutdown());
    const kafka = traced(bareKafka());
    const suffix = randomUUID();
    const topics = [`north-${suffix}`, `south-${suffix}`, `other-${suffix}`];
    await withTopics(kafka, topics);
    for (const topic of topics) await produce(kafka, topic, [topic]);
    const consumer = kafka.consumer({ groupId: `g-${suffix}` });
    const pattern = new RegExp(`^(north|south)-${suffix}$`);
    await consumeSome(consumer, [pattern, `other-${suffix}`], 3, async () => {});
    const spans = observed.spans();
    for (const topic of topics) {
      const sent = spans.find(({ name }) => name === `send ${topic}`);
      const processed = spans.filter(({ name }) => name === `process ${topic}`);
      assert.equal(processed.length, 1);
      assert.equal(processed[0]?.parentSpanContext?.spanId, sent?.spanContext().spanId);
      assert.equal(processed[0]?.attributes["messaging.consumer.group.name"], `g-${suffix}`);
    }
  },
);

test(
  "a consumer traced by itself learns its group before the first message",
  options,
  async (t) => {
    const observed = tracing();
    t.after(() => observed.shutdown());
    const kafka = bareKafka();
    const topic = `learns-${randomUUID()}`;
    await withTopics(kafka, [topic]);
    await produce(kafka, topic, ["1"]);
    const consumer = traced(kafka.consumer({ groupId: `group-of-${topic}` }));
    await consumeSome(consumer, [topic], 1, async () => {});
    const [span] = observed.spans();
    assert.equal(span?.attributes["messaging.consumer.group.name"], `group-of-${topic}`);
  },
);

/** What kafkajs makes of an error that a handler throws: the crash it reports, then the restart. */
async function crashWith(
  wrap: (kafka: Kafka) => Kafka,
  topic: string,
  error: Error,
): Promise<{ cause: unknown; restarts: boolean; handledAfter: number }> {
  const consumer = wrap(bareKafka()).consumer({
    groupId: `crash-${randomUUID()}`,
    // One retry, for a busy broker's sake; and a short session, should a crashed member's leaving be lost.
    retry: { retries: 1, initialRetryTime: 10 },
    sessionTimeout: 6_000,
    heartbeatInterval: 1_000,
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let thrown = 0;
  let handledAfter = 0;
  let resumed: (() => void) | undefined;
  const again = new Promise<void>((resolve) => {
    resumed = resolve;
  });
  const crashed = new Promise<{ cause: unknown; restarts: boolean }>((resolve) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      const { cause } = payload.error as { cause?: unknown };
      resolve({ cause, restarts: payload.restart });
    });
  });
  await consumer.run({
    eachMessage: async () => {
      if (thrown < 2) {
        thrown += 1;
        throw error;
      }
      handledAfter += 1;
      resumed?.();
    },
  });
  const crash = await crashed;
  if (crash.restarts) await again;
  await consumer.disconnect();
  return { ...crash, handledAfter };
}

for (const retriable of [true, false]) {
  test(
    `a handler's ${retriable ? "retriable" : "final"} error reaches kafkajs as the same object, and kafkajs does what it does without us`,
    options,
    async (t) => {
      const observed = tracing();
      t.after(() => observed.shutdown());
      const topic = `crash-${randomUUID()}`;
      await withTopics(bareKafka(), [topic]);
      await produce(bareKafka(), topic, ["1"]);
      const error = Object.assign(new Error("card declined"), { retriable });
      const ours = await crashWith((kafka) => traced(kafka), topic, error);
      const bare = await crashWith((kafka) => kafka, topic, error);
      assert.equal(ours.cause, error);
      assert.equal(bare.cause, error);
      assert.deepEqual(ours, bare);
      assert.equal(ours.restarts, retriable);
      const failed = observed.spans().filter(({ status }) => status.code === SpanStatusCode.ERROR);
      assert.equal(failed.length, retriable ? 2 : 1);
      assert.equal(observed.spans().length, failed.length + ours.handledAfter);
      assert.equal(observed.open().length, 0);
    },
  );
}

/** The offset of a group in partition 0, which Kafka shows a while after the transaction's commit. */
async function committedOffset(kafka: Kafka, groupId: string, topic: string): Promise<string> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    for (;;) {
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
      const offset = found?.partitions[0]?.offset;
      if (offset !== undefined && offset !== "-1") return offset;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    await admin.disconnect();
  }
}

test(
  "a transaction that is aborted is never consumed, and one that is committed keeps each message's trace",
  options,
  async (t) => {
    const observed = tracing();
    t.after(() => observed.shutdown());
    const kafka = traced(bareKafka());
    const topic = `transaction-${randomUUID()}`;
    const groupId = `g-${topic}`;
    await withTopics(kafka, [topic]);
    const producer = kafka.producer({
      transactionalId: `t-${topic}`,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    const aborted = await producer.transaction();
    await aborted.send({ topic, messages: [{ value: "aborted" }] });
    await aborted.abort();
    const committed = await producer.transaction();
    await committed.send({ topic, messages: [{ value: "one" }] });
    await committed.sendBatch({
      compression: CompressionTypes.GZIP,
      topicMessages: [{ topic, messages: [{ key: "k", value: null }, { value: "three" }] }],
    });
    const settled = `settled-${topic}`;
    await committed.sendOffsets({
      consumerGroupId: settled,
      topics: [{ topic, partitions: [{ partition: 0, offset: "7" }] }],
    });
    await committed.commit();
    assert.equal(committed.isActive(), false);
    await producer.disconnect();
    assert.equal(await committedOffset(kafka, settled, topic), "7");

    const values: (string | undefined)[] = [];
    await consumeSome(kafka.consumer({ groupId }), [topic], 3, async ({ message }) => {
      values.push(message.value?.toString());
      trace.getTracer("application").startSpan(`handle ${message.value?.toString()}`).end();
    });
    assert.deepEqual(values, ["one", undefined, "three"]);
    const spans = observed.spans();
    const created = spans.filter(
      ({ name, status }) =>
        status.code === SpanStatusCode.UNSET &&
        (name === `create ${topic}` || name === `send ${topic}`),
    );
    for (const name of ["handle one", "handle undefined", "handle three"]) {
      const own = spans.find((span) => span.name === name);
      const processed = spans.find(
        (span) => span.spanContext().spanId === own?.parentSpanContext?.spanId,
      );
      const producedBy = created.find(
        (span) => span.spanContext().spanId === processed?.parentSpanContext?.spanId,
      );
      assert.ok(producedBy, `${name} does not lead back to what made its message`);
    }
  },
);

test(
  "a dead letter written after retries stays in its record's trace through the broker, and tells where it came from",
  options,
  async (t) => {
    const observed = tracing();
    t.after(() => observed.shutdown());
    const kafka = traced(bareKafka());
    const topic = `orders-${randomUUID()}`;
    const parked = `${topic}.dlq`;
    await withTopics(kafka, [topic, parked]);
    await produce(kafka, topic, ["1"]);
    const producer = kafka.producer();
    await producer.connect();
    const consumer = kafka.consumer({ groupId: `g-${topic}` });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    let sent: (() => void) | undefined;
    const letterSent = new Promise<void>((resolve) => {
      sent = resolve;
    });
    await consumer.run({
      eachMessage: withRetries(
        async () => {
          throw new Error("declined");
        },
        {
          attempts: 3,
          deadLetter: async (letter) => {
            await producer.send({ topic: parked, messages: [letter] });
            sent?.();
          },
        },
      ),
    });
    await letterSent;
    await consumer.disconnect();
    let origin: ReturnType<typeof deadLetterOf>;
    await consumeSome(
      kafka.consumer({ groupId: `g-${parked}` }),
      [parked],
      1,
      async ({ message }) => {
        origin = deadLetterOf(message);
        // Parked again on its way out: still of the record it was first made for.
        const again = deadLetter(message, new Error("still declined"));
        assert.equal(deadLetterOf(again)?.destination, topic);
      },
    );
    await producer.disconnect();

    const spans = observed.spans();
    assert.equal(new Set(spans.map((span) => span.spanContext().traceId)).size, 1);
    const attempts = spans.filter(({ name }) => name === `process ${topic}`);
    assert.equal(attempts.length, 3);
    const last = attempts.at(-1)?.spanContext();
    assert.deepEqual(
      { ...origin, timestampMs: undefined },
      {
        convention: "throughline",
        destination: topic,
        partition: "0",
        offset: "0",
        timestampMs: undefined,
        group: `g-${topic}`,
        errorType: "Error",
        errorMessage: "declined",
        attempts: 3,
        failed: `00-${last?.traceId}-${last?.spanId}-01`,
      },
    );
  },
);

test("an admin of a traced Kafka is kafkajs's own", options, async () => {
  const kafka = traced(bareKafka());
  const admin = kafka.admin();
  await admin.connect();
  assert.ok((await admin.describeCluster()).brokers.length > 0);
  await admin.disconnect();
  assert.ok(kafka instanceof Kafka);
});
