import { trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import { type Consumer, type EachBatchPayload, Kafka, logLevel } from "kafkajs";
import { processMessage, traced } from "throughline/kafkajs";
import { createTopic } from "./kafka-topic.ts";
import { tracing } from "./sdk.ts";

// 10,000 records from 10,000 traces over 3 partitions, three batches handled at a time, by handlers
// that await, throw and leave timers behind: with us, and without.

const RECORDS = 10_000;
const PARTITIONS = 3;
const IN_ONE_SEND = 500;
/** Every so many records a handler fails once: the batch is delivered again from there. */
const FAILING = 1_999;

const brokers = process.env["KAFKA_BROKERS"]?.split(",");
const skip =
  brokers === undefined && "no real Kafka: set KAFKA_BROKERS, or install java and mvn for npm test";

const traceIds = Array.from({ length: RECORDS }, () => randomBytes(16).toString("hex"));

/** What a run came to, as far as the host can see. */
interface Outcome {
  readonly delivered: ReadonlySet<string>;
  readonly failures: readonly string[];
  readonly committed: readonly string[];
  /** What run() gave, and what handling each record did, by its number. */
  readonly returned: unknown;
  readonly values: readonly unknown[];
}

interface Handled {
  /** The application's own part of one record: true when it is left to a timer to finish. */
  readonly one: (record: number, leaveTimer: (work: () => void) => void) => Promise<void>;
  readonly scoped: <Value>(message: object, work: () => Promise<Value>) => Promise<Value>;
  readonly wrap: (consumer: Consumer) => Consumer;
}

async function produce(kafka: Kafka, topic: string): Promise<void> {
  await createTopic(kafka, topic, PARTITIONS);
  const producer = kafka.producer();
  await producer.connect();
  for (let from = 0; from < RECORDS; from += IN_ONE_SEND) {
    const messages = traceIds.slice(from, from + IN_ONE_SEND).map((traceId, at) => ({
      value: String(from + at),
      partition: (from + at) % PARTITIONS,
      headers: { traceparent: `00-${traceId}-${traceId.slice(0, 16)}-01` },
    }));
    await producer.send({ topic, messages });
  }
  await producer.disconnect();
}

async function consume(
  kafka: Kafka,
  topic: string,
  groupId: string,
  handled: Handled,
): Promise<Outcome> {
  const consumer = handled.wrap(
    kafka.consumer({ groupId, retry: { initialRetryTime: 20, retries: 20 } }),
  );
  const delivered = new Set<string>();
  const failures: string[] = [];
  const values: unknown[] = [];
  const timers: Promise<void>[] = [];
  const failed = new Set<number>();
  const leaveTimer = (work: () => void): void => {
    timers.push(
      new Promise((resolve) => {
        setTimeout(() => {
          work();
          resolve();
        }, 1);
      }),
    );
  };
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let all: (() => void) | undefined;
  const done = new Promise<void>((resolve) => {
    all = resolve;
  });
  const eachBatch = async ({
    batch,
    resolveOffset,
    heartbeat,
  }: EachBatchPayload): Promise<void> => {
    for (const message of batch.messages) {
      const record = Number(message.value);
      values[record] = await handled.scoped(message, async () => {
        await handled.one(record, leaveTimer);
        if (record % FAILING === 1 && !failed.has(record)) {
          failed.add(record);
          const error = new Error(`record ${record}`);
          failures.push(error.message);
          throw error;
        }
        return `order ${record}`;
      });
      delivered.add(`${batch.partition}:${message.offset}`);
      resolveOffset(message.offset);
      // Before the heartbeat, which may fail where the group is joined anew: no batch comes after the last.
      if (delivered.size === RECORDS) all?.();
      if (record % 100 === 0) await heartbeat();
    }
  };
  const returned = await consumer.run({
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: PARTITIONS,
    eachBatch,
  });
  await done;
  await Promise.all(timers);
  await consumer.stop();
  await consumer.disconnect();
  const admin = kafka.admin();
  await admin.connect();
  const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
  await admin.disconnect();
  const committed = (offsets?.partitions ?? [])
    .map(({ partition, offset }) => `${partition}:${offset}`)
    .toSorted();
  return { delivered, failures: failures.toSorted(), committed, returned, values };
}

test(
  "10,000 records of 10,000 traces: every handler's spans are in its own record's trace, and the host sees what it sees without us",
  { skip, timeout: 180_000 },
  async () => {
    const kafka = new Kafka({ brokers: brokers ?? [], logLevel: logLevel.NOTHING });
    const topic = `ten-thousand-${randomUUID()}`;
    await produce(kafka, topic);
    const observed = tracing();
    try {
      const tracer = trace.getTracer("application");
      const spanned = (name: string, record: number): void =>
        tracer.startSpan(name, { attributes: { record } }).end();
      const one: Handled["one"] = async (record, leaveTimer) => {
        spanned("before await", record);
        await new Promise((resolve) => setImmediate(resolve));
        spanned("after await", record);
        if (record % 7 === 0) leaveTimer(() => spanned("in a timer", record));
      };
      const bare = await consume(kafka, topic, `bare-${topic}`, {
        wrap: (consumer) => consumer,
        scoped: (_message, work) => work(),
        one,
      });
      observed.reset();
      const ours = await consume(kafka, topic, `ours-${topic}`, {
        wrap: (consumer) => traced(consumer),
        scoped: (message, work) => processMessage(message, work),
        one,
      });

      assert.equal(bare.delivered.size, RECORDS);
      assert.equal(ours.delivered.size, RECORDS);
      assert.equal(ours.values[RECORDS - 1], `order ${RECORDS - 1}`);
      assert.ok([...ours.delivered].every((place) => bare.delivered.has(place)));
      assert.deepEqual(
        [ours.failures, ours.committed, ours.returned, ours.values],
        [bare.failures, bare.committed, bare.returned, bare.values],
      );

      const spans = observed.spans();
      const own = spans.filter(({ attributes }) => attributes["record"] !== undefined);
      const leaked = own.filter(
        (span) => span.spanContext().traceId !== traceIds[span.attributes["record"] as number],
      );
      const [firstLeak] = leaked;
      assert.equal(
        leaked.length,
        0,
        `${firstLeak?.name} of ${String(firstLeak?.attributes["record"])} leaked`,
      );
      const seen = (name: string): number =>
        new Set(own.filter((span) => span.name === name).map((span) => span.attributes["record"]))
          .size;
      assert.equal(seen("before await"), RECORDS);
      assert.equal(seen("after await"), RECORDS);
      assert.equal(seen("in a timer"), Math.ceil(RECORDS / 7));
      const single = spans.filter(
        ({ name, attributes }) =>
          name === `process ${topic}` && attributes["messaging.kafka.offset"] !== undefined,
      );
      assert.equal(new Set(single.map((span) => span.spanContext().traceId)).size, RECORDS);
      assert.equal(observed.open().length, 0);
    } finally {
      await observed.shutdown();
    }
  },
);
