import { randomUUID } from "node:crypto";
import type {
  Consumer,
  ConsumerConfig,
  EachBatchPayload,
  EachMessagePayload,
  Kafka,
} from "kafkajs";
import { createTopic } from "./kafka-topic.ts";

// What an application sees of kafkajs, scene by scene. Each gives what it saw: the same on a Kafka in
// memory as on a real one.

/** One scene: plays on fresh topics and groups and gives what the application saw. */
export type Scene = (stage: Stage) => Promise<unknown>;

/** A topic of one partition, a group, and clients that are closed when the scene is over. */
export class Stage {
  readonly topic: string = `scene-${randomUUID()}`;
  readonly groupId: string = `group-${this.topic}`;
  readonly kafka: Kafka;
  private readonly closing: (() => Promise<void>)[] = [];

  constructor(kafka: Kafka) {
    this.kafka = kafka;
  }

  setTopic(): Promise<void> {
    return createTopic(this.kafka, this.topic, 1);
  }

  async send(...values: (string | null)[]): Promise<void> {
    const producer = this.kafka.producer();
    await producer.connect();
    await producer.send({ topic: this.topic, messages: values.map((value) => ({ value })) });
    await producer.disconnect();
  }

  async consumer(config: Partial<ConsumerConfig> = {}): Promise<Consumer> {
    const retry = { initialRetryTime: 10, ...config.retry };
    const { groupId, kafka } = this;
    const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, ...config, retry });
    this.closing.push(() => consumer.disconnect());
    await consumer.connect();
    await consumer.subscribe({ topics: [this.topic], fromBeginning: true });
    return consumer;
  }

  /** The next offset that the group would read; -1 where none was committed. */
  async committed(): Promise<string | undefined> {
    const admin = this.kafka.admin();
    await admin.connect();
    const [offsets] = await admin.fetchOffsets({ groupId: this.groupId, topics: [this.topic] });
    await admin.disconnect();
    return offsets?.partitions[0]?.offset;
  }

  async close(): Promise<void> {
    for (const close of this.closing) await close();
  }
}

/** What is seen one after the other, and a promise for when there is enough of it. */
class Seen {
  readonly all: string[] = [];
  readonly enough: Promise<void>;
  private readonly count: number;
  private resolve: () => void = () => {};

  constructor(count: number) {
    this.count = count;
    this.enough = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  add(value: unknown): void {
    this.all.push(String(value));
    if (this.all.length === this.count) this.resolve();
  }
}

const texts = ({ batch }: EachBatchPayload): string =>
  batch.messages.map(({ value }) => String(value)).join(" ");

/** Fails once, at the record of this value. */
function failingOnce(at: string): (value: unknown) => void {
  let failed = false;
  return (value) => {
    if (String(value) !== at || failed) return;
    failed = true;
    throw new Error(`no ${at}`);
  };
}

export const scenes: Record<string, { scene: Scene; seen: unknown }> = {
  "a record that fails is delivered again, and then those behind it": {
    async scene(stage) {
      await stage.send("a", "b", "c");
      const consumer = await stage.consumer();
      const seen = new Seen(4);
      const fail = failingOnce("b");
      const committed: (string | undefined)[] = [];
      await consumer.run({
        eachMessage: async ({ message }) => {
          committed.push(await stage.committed());
          seen.add(message.value);
          fail(message.value);
        },
      });
      await seen.enough;
      await consumer.stop();
      committed.push(await stage.committed());
      return { seen: seen.all, committed };
    },
    seen: { seen: ["a", "b", "b", "c"], committed: ["-1", "-1", "1", "1", "3"] },
  },

  "a handler that throws synchronously is a handler that rejects": {
    async scene(stage) {
      await stage.send("a");
      const consumer = await stage.consumer();
      const seen = new Seen(2);
      const fail = failingOnce("a");
      await consumer.run({
        eachMessage: ({ message }) => {
          seen.add(message.value);
          fail(message.value);
          return Promise.resolve();
        },
      });
      await seen.enough;
      return seen.all;
    },
    seen: ["a", "a"],
  },

  "a batch that fails is delivered again from behind what it resolved": {
    async scene(stage) {
      await stage.send("a", "b", "c");
      const consumer = await stage.consumer();
      const seen = new Seen(2);
      const fail = failingOnce("b");
      await consumer.run({
        eachBatch: async (payload) => {
          seen.add(texts(payload));
          for (const { value, offset } of payload.batch.messages) {
            fail(value);
            payload.resolveOffset(offset);
          }
        },
      });
      await seen.enough;
      await consumer.stop();
      return { seen: seen.all, committed: await stage.committed() };
    },
    seen: { seen: ["a b c", "b c"], committed: "3" },
  },

  "without automatic resolving a batch is done as far as it says": {
    async scene(stage) {
      await stage.send("a", "b", "c");
      const consumer = await stage.consumer();
      const seen = new Seen(3);
      await consumer.run({
        eachBatchAutoResolve: false,
        eachBatch: async (payload) => {
          seen.add(texts(payload));
          payload.resolveOffset(payload.batch.messages[0]?.offset ?? "");
        },
      });
      await seen.enough;
      await consumer.stop();
      return { seen: seen.all, committed: await stage.committed() };
    },
    seen: { seen: ["a b c", "b c", "c"], committed: "3" },
  },

  "what a batch tells of itself": {
    async scene(stage) {
      await stage.send("a", "b");
      const consumer = await stage.consumer();
      const seen = new Seen(1);
      let told: unknown;
      await consumer.run({
        eachBatch: async ({ batch, resolveOffset, uncommittedOffsets, isRunning, isStale }) => {
          resolveOffset("0");
          const [topic] = uncommittedOffsets().topics;
          told = {
            highWatermark: batch.highWatermark,
            first: batch.firstOffset(),
            last: batch.lastOffset(),
            lag: batch.offsetLag(),
            lagLow: batch.offsetLagLow(),
            empty: batch.isEmpty(),
            literal: Object.getPrototypeOf(batch) === Object.prototype,
            uncommitted: topic?.partitions.map(({ partition, offset }) => [partition, offset]),
            running: isRunning(),
            stale: isStale(),
          };
          seen.add("batch");
        },
      });
      await seen.enough;
      return told;
    },
    seen: {
      highWatermark: "2",
      first: "0",
      last: "1",
      lag: "0",
      lagLow: "1",
      empty: false,
      literal: false,
      uncommitted: [["0", "1"]],
      running: true,
      stale: false,
    },
  },

  "without automatic commits nothing is committed but by hand": {
    async scene(stage) {
      await stage.send("a", "b");
      const consumer = await stage.consumer();
      const read = async (count: number): Promise<string[]> => {
        const seen = new Seen(count);
        const eachMessage = async ({ message }: EachMessagePayload): Promise<void> =>
          seen.add(message.value);
        await consumer.run({ autoCommit: false, eachMessage });
        await seen.enough;
        return seen.all;
      };
      const first = await read(2);
      await consumer.stop();
      const before = await stage.committed();
      const second = await read(2);
      await consumer.commitOffsets([{ topic: stage.topic, partition: 0, offset: "1" }]);
      await consumer.stop();
      const after = await stage.committed();
      return { first, before, second, after, third: await read(1) };
    },
    seen: { first: ["a", "b"], before: "-1", second: ["a", "b"], after: "1", third: ["b"] },
  },

  "a consumer that is stopped while it handles a batch leaves the rest of it": {
    async scene(stage) {
      await stage.send("a", "b", "c");
      const consumer = await stage.consumer();
      const seen = new Seen(1);
      let stopped: Promise<void> | undefined;
      await consumer.run({
        eachMessage: async ({ message }) => {
          stopped ??= consumer.stop();
          seen.add(message.value);
        },
      });
      await seen.enough;
      await stopped;
      return { seen: seen.all, committed: await stage.committed() };
    },
    seen: { seen: ["a"], committed: "1" },
  },

  "a partition that is paused in its handler goes on when it is resumed": {
    async scene(stage) {
      await stage.send("a", "b");
      const consumer = await stage.consumer();
      const seen = new Seen(4);
      let resume: (() => void) | undefined;
      const batchEnded = new Promise<void>((resolve) => {
        consumer.on(consumer.events.END_BATCH_PROCESS, () => resolve());
      });
      await consumer.run({
        eachMessage: async ({ message, pause }) => {
          seen.add(message.value);
          resume ??= pause();
        },
      });
      await batchEnded;
      seen.add(`paused ${consumer.paused()[0]?.partitions.join(",")}`);
      resume?.();
      seen.add(`paused ${consumer.paused().flatMap(({ partitions }) => partitions).length}`);
      await seen.enough;
      return seen.all;
    },
    seen: ["a", "paused 0", "paused 0", "b"],
  },

  "a seek goes back, and the batch at hand is stale": {
    async scene(stage) {
      await stage.send("a", "b");
      const consumer = await stage.consumer();
      const seen = new Seen(2);
      let sought = false;
      await consumer.run({
        eachBatch: async (payload) => {
          if (!sought) consumer.seek({ topic: stage.topic, partition: 0, offset: "1" });
          sought = true;
          seen.add(`${texts(payload)} ${payload.isStale()}`);
        },
      });
      await seen.enough;
      return seen.all;
    },
    seen: ["a b true", "b false"],
  },

  "an error that speaks of a mistake ends the consumer at once, as its cause": {
    async scene(stage) {
      await stage.send("a");
      const consumer = await stage.consumer();
      const error = new TypeError("undefined is not a function");
      return crash(consumer, error);
    },
    seen: { name: "KafkaJSNonRetriableError", cause: true, deliveries: 1 },
  },

  "any other error is tried again as often as the consumer says, and is then its cause": {
    async scene(stage) {
      await stage.send("a");
      const consumer = await stage.consumer({
        retry: { retries: 2, restartOnFailure: async () => false },
      });
      return crash(consumer, new Error("no funds"));
    },
    seen: { name: "KafkaJSNumberOfRetriesExceeded", cause: true, deliveries: 3 },
  },

  "a transaction's messages are read when it commits, and never when it aborts": {
    async scene(stage) {
      const producer = stage.kafka.producer({
        transactionalId: stage.topic,
        idempotent: true,
        maxInFlightRequests: 1,
      });
      await producer.connect();
      const aborted = await producer.transaction();
      await aborted.send({ topic: stage.topic, messages: [{ value: "a" }] });
      await aborted.abort();
      const committed = await producer.transaction();
      await committed.sendBatch({
        topicMessages: [{ topic: stage.topic, messages: [{ value: "b" }] }],
      });
      await committed.sendOffsets({
        consumerGroupId: "elsewhere",
        topics: [{ topic: stage.topic, partitions: [{ partition: 0, offset: "1" }] }],
      });
      await committed.commit();
      const late = await refused(() => committed.send({ topic: stage.topic, messages: [] }));
      await producer.disconnect();
      await stage.send("c");
      const consumer = await stage.consumer();
      const seen = new Seen(2);
      await consumer.run({
        eachMessage: async ({ message }) => seen.add(`${String(message.value)} ${message.offset}`),
      });
      await seen.enough;
      // A real broker may write the marker of the commit before or after "c".
      const [first = "", second = ""] = seen.all;
      return { first, second: second.split(" ", 1), late };
    },
    seen: {
      first: "b 2",
      second: ["c"],
      late: "KafkaJSNonRetriableError: Cannot continue to use transaction once ended",
    },
  },

  "what a message is made of when it is delivered": {
    async scene(stage) {
      const producer = stage.kafka.producer();
      await producer.connect();
      const headers = {
        text: "é",
        bytes: Buffer.from([255, 0]),
        list: ["1", Buffer.from("2")],
        one: ["1"],
        none: [],
        constructor: "inherited",
      };
      const [sent] = await producer.send({
        topic: stage.topic,
        messages: [{ key: "k", value: "v", headers, timestamp: "1700000000000" }, { value: null }],
      });
      await producer.disconnect();
      const consumer = await stage.consumer();
      const seen = new Seen(2);
      const payloads: EachMessagePayload[] = [];
      await consumer.run({
        eachMessage: async (payload) => {
          payloads.push(payload);
          seen.add("");
        },
      });
      await seen.enough;
      const [full, empty] = payloads.map(({ message: { key, value, headers, offset } }) => ({
        key,
        value,
        offset,
        headers: { ...headers, constructor: undefined },
      }));
      const { topic, partition, message } = payloads[0] as EachMessagePayload;
      return {
        sent: { ...sent, topicName: sent?.topicName === stage.topic },
        full,
        empty,
        timestamp: message.timestamp,
        fields: Object.keys(payloads[0] ?? {}),
        constructor: String(message.headers?.["constructor"]),
        place: [topic === stage.topic, partition],
      };
    },
    seen: {
      sent: {
        topicName: true,
        partition: 0,
        errorCode: 0,
        baseOffset: "0",
        logAppendTime: "-1",
        logStartOffset: "0",
      },
      full: {
        key: Buffer.from("k"),
        value: Buffer.from("v"),
        offset: "0",
        headers: {
          text: Buffer.from("é"),
          bytes: Buffer.from([255, 0]),
          list: [Buffer.from("1"), Buffer.from("2")],
          one: Buffer.from("1"),
          constructor: undefined,
        },
      },
      empty: { key: null, value: null, offset: "1", headers: { constructor: undefined } },
      timestamp: "1700000000000",
      fields: ["topic", "partition", "message", "heartbeat", "pause"],
      constructor: "function Object() { [native code] },inherited",
      place: [true, 0],
    },
  },

  "what is refused, and in which words": {
    async scene(stage) {
      const { kafka, topic } = stage;
      const producer = kafka.producer();
      const messages = [{ value: "a" }];
      const words = [await refused(() => producer.send({ topic, messages }))];
      await producer.connect();
      const send = (record: object): Promise<string> =>
        refused(() => producer.send({ topic, ...record } as never));
      words.push(
        await send({ topic: "", messages }),
        await send({ messages: undefined }),
        await send({ messages: [{ key: "a" }] }),
        await refused(() => producer.transaction()),
        await send({ messages: [{ value: "a", headers: { a: null } }] }),
        await send({ messages: [{ value: 1 }] }),
      );
      await producer.disconnect();
      const consumer = await stage.consumer();
      words.push(
        await refused(async () => kafka.consumer({ groupId: "" })),
        await refused(async () => consumer.commitOffsets([])),
        await refused(async () => consumer.pause([{ topic }])),
        await refused(async () => consumer.subscribe({} as never)),
      );
      await consumer.run({ eachMessage: async () => {} });
      words.push(await refused(() => consumer.subscribe({ topics: [topic] })));
      await consumer.run({ eachMessage: async () => {} });
      return words.map((word) => word.replaceAll(topic, "T"));
    },
    seen: [
      "KafkaJSError: The producer is disconnected",
      "KafkaJSNonRetriableError: Invalid topic",
      'KafkaJSNonRetriableError: Invalid messages array [undefined] for topic "T"',
      'KafkaJSNonRetriableError: Invalid message without value for topic "T": {"key":"a"}',
      "KafkaJSNonRetriableError: Must provide transactional id for transactional producer",
      'TypeError [ERR_INVALID_ARG_TYPE]: The "string" argument must be of type string or an instance of Buffer or ArrayBuffer. Received null',
      'TypeError [ERR_INVALID_ARG_TYPE]: The "string" argument must be of type string or an instance of Buffer or ArrayBuffer. Received type number (1)',
      "KafkaJSNonRetriableError: Consumer groupId must be a non-empty string.",
      "KafkaJSNonRetriableError: Consumer group was not initialized, consumer#run must be called first",
      "KafkaJSNonRetriableError: Consumer group was not initialized, consumer#run must be called first",
      'KafkaJSNonRetriableError: Missing required argument "topics"',
      "KafkaJSNonRetriableError: Cannot subscribe to topic while consumer is running",
    ],
  },

  "handlers inherit what is active where the consumer is run, not where a message is sent": {
    async scene(stage) {
      const { AsyncLocalStorage } = await import("node:async_hooks");
      const storage = new AsyncLocalStorage<string>();
      const consumer = await stage.consumer();
      const first = new Seen(1);
      const both = new Seen(2);
      const eachMessage = async (): Promise<void> => {
        first.add(storage.getStore());
        both.add(storage.getStore());
      };
      await storage.run("run", () => consumer.run({ eachMessage }));
      await storage.run("send", () => stage.send("a"));
      await first.enough;
      // Two turns later the consumer in memory is waiting: it must not wake up in the sender's context.
      for (const _ of [1, 2]) await new Promise((resolve) => setImmediate(resolve));
      await storage.run("send", () => stage.send("b"));
      await both.enough;
      return both.all;
    },
    seen: ["run", "run"],
  },
};

async function crash(consumer: Consumer, error: Error): Promise<unknown> {
  let deliveries = 0;
  const crashed = new Promise<Error>((resolve) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error));
  });
  await consumer.run({
    eachMessage: async () => {
      deliveries += 1;
      throw error;
    },
  });
  const { name, cause } = await crashed;
  return { name, cause: cause === error, deliveries };
}

async function refused(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
    return "accepted";
  } catch (error) {
    return String(error);
  }
}
