import { trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { type TestContext, test } from "node:test";
import * as fc from "fast-check";
import { type Consumer, type ConsumerConfig, Kafka, logLevel, Partitioners } from "kafkajs";
import { traced } from "throughline/kafkajs";
import { collectSpans, memoryBroker, type MemoryBroker } from "throughline/testing";
import { tracing } from "./sdk.ts";

/** A consumer of `orders` that takes its values down, in the order of their handling. */
async function reading(
  t: TestContext,
  broker: MemoryBroker,
  config: Partial<ConsumerConfig> = {},
  handled: (value: string, partition: number) => unknown = () => {},
): Promise<{ values: string[]; consumer: Consumer }> {
  const consumer = broker.kafka.consumer({ groupId: "payments", ...config });
  t.after(() => consumer.disconnect());
  const values: string[] = [];
  await consumer.subscribe({ topics: ["orders"], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message, partition }) => {
      values.push(String(message.value));
      await handled(String(message.value), partition);
    },
  });
  return { values, consumer };
}

const charge = (): void => trace.getTracer("payments").startSpan("charge card").end();

test("five lines show that a handler keeps its message's trace, and fail when it breaks it", async (t) => {
  for (const keeps of [true, false]) {
    const spans = collectSpans();
    const sdk = tracing({ processors: [spans] });
    t.after(() => sdk.shutdown());
    const broker = memoryBroker();
    // One that hands its work to something started elsewhere loses the context.
    let queued: (() => void)[] = [];
    const elsewhere = setInterval(() => {
      for (const work of queued) work();
      queued = [];
    }, 1);
    t.after(() => clearInterval(elsewhere));
    const handler = (): Promise<void> =>
      new Promise((resolve) => {
        const work = (): void => {
          charge();
          resolve();
        };
        if (keeps) work();
        else queued.push(work);
      });

    const consumer = traced(broker.kafka).consumer({ groupId: "payments" });
    t.after(() => consumer.disconnect());
    await consumer.subscribe({ topics: ["orders"] });
    await consumer.run({ eachMessage: handler });
    const order = broker.publish("orders", { value: "1" });
    await broker.drained();
    const expectWhole = (): unknown => spans.expectSpan("charge card").inTraceOf(order);
    if (keeps) expectWhole();
    else assert.throws(expectWhole, /Expected "charge card" in trace [0-9a-f]{8}, that of span/);
    await sdk.shutdown();
  }
});

test("drained waits for what handlers send, and for what they send in turn", async (t) => {
  const broker = memoryBroker();
  const producer = broker.kafka.producer();
  await producer.connect();
  const { values } = await reading(t, broker, {}, async (value) => {
    await new Promise((resolve) => setImmediate(resolve));
    if (value.length < 5) {
      await producer.send({ topic: "orders", messages: [{ value: `${value}+` }] });
    }
  });
  broker.publish("orders", { value: "1" });
  await broker.drained();
  assert.deepEqual(values, ["1", "1+", "1++", "1+++", "1++++"]);
});

test("drained rejects with the error of a consumer that gave up, once", async (t) => {
  const broker = memoryBroker();
  const error = new Error("no funds");
  const { values } = await reading(t, broker, { retry: { retries: 2 } }, () => {
    throw error;
  });
  broker.publish("orders", { value: "1" });
  await assert.rejects(broker.drained(), (crash: Error) => {
    assert.equal(crash.name, "KafkaJSNumberOfRetriesExceeded");
    assert.equal(crash.cause, error);
    return true;
  });
  assert.deepEqual(values, ["1", "1", "1"]);
  await broker.drained();
  assert.equal(broker.committed("payments", "orders"), undefined);
});

test("a record that fails now and then does not add to another's failures", async (t) => {
  const broker = memoryBroker();
  const failed = new Set<string>();
  const { values } = await reading(t, broker, { retry: { retries: 1 } }, (value) => {
    if (failed.has(value)) return;
    failed.add(value);
    throw new Error(value);
  });
  for (const value of ["a", "b", "c"]) broker.publish("orders", { value });
  await broker.drained();
  assert.deepEqual(values, ["a", "a", "b", "b", "c", "c"]);
  assert.equal(broker.committed("payments", "orders"), "3");
});

test("drained says which handler is still busy when its time is over", async (t) => {
  const broker = memoryBroker();
  let finish: (() => void) | undefined;
  let begin: (() => void) | undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  await reading(t, broker, {}, () => {
    begin?.();
    return new Promise<void>((resolve) => (finish = resolve));
  });
  broker.publish("orders", { value: "1" });
  await begun;
  await assert.rejects(
    broker.drained(20),
    /not drained after 20 ms: payments is handling orders\[0\] from offset 0/,
  );
  finish?.();
  await broker.drained();
});

test("a consumer that may start at the end is given what comes after it started", async (t) => {
  const broker = memoryBroker();
  broker.publish("orders", { value: "before" });
  const consumer = broker.kafka.consumer({ groupId: "payments" });
  t.after(() => consumer.disconnect());
  await consumer.subscribe({ topics: [/^ord/] });
  const values: string[] = [];
  await consumer.run({
    eachMessage: async ({ message }) => void values.push(String(message.value)),
  });
  broker.publish("orders", { value: "after" });
  await broker.drained();
  assert.deepEqual(values, ["after"]);
});

test("each group is given every record, the members of a group share them", async (t) => {
  const broker = memoryBroker({ partitions: 2 });
  const first = await reading(t, broker);
  const second = await reading(t, broker);
  const other = await reading(t, broker, { groupId: "audit" });
  for (const value of ["a", "b", "c", "d"]) broker.publish("orders", { value });
  await broker.drained();
  assert.deepEqual(first.values, ["a", "c"]);
  assert.deepEqual(second.values, ["b", "d"]);
  assert.deepEqual(other.values.toSorted(), ["a", "b", "c", "d"]);

  await second.consumer.stop();
  broker.publish("orders", { value: "e" });
  broker.publish("orders", { value: "f" });
  await broker.drained();
  assert.deepEqual(first.values, ["a", "c", "e", "f"]);
});

test("as many partitions are handled at a time as the run says, each in its order", async (t) => {
  const broker = memoryBroker({ partitions: 3 });
  const most = async (concurrently: number): Promise<number> => {
    const consumer = broker.kafka.consumer({ groupId: `group-${concurrently}` });
    t.after(() => consumer.disconnect());
    let now = 0;
    let seen = 0;
    const last = new Map<number, number>();
    await consumer.subscribe({ topics: ["orders"], fromBeginning: true });
    await consumer.run({
      partitionsConsumedConcurrently: concurrently,
      eachMessage: async ({ partition, message }) => {
        seen = Math.max(seen, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        now -= 1;
        assert.ok(Number(message.offset) > (last.get(partition) ?? -1));
        last.set(partition, Number(message.offset));
      },
    });
    await broker.drained();
    return seen;
  };
  for (let value = 0; value < 30; value++) broker.publish("orders", { value: String(value) });
  assert.equal(await most(1), 1);
  assert.equal(await most(2), 2);
  assert.equal(await most(3), 3);
});

test("a paused partition is not waited for, and goes on when it is resumed", async (t) => {
  const broker = memoryBroker();
  const { values, consumer } = await reading(t, broker);
  consumer.pause([{ topic: "orders" }]);
  broker.publish("orders", { value: "1" });
  await broker.drained();
  assert.deepEqual(values, []);
  assert.deepEqual(consumer.paused(), [{ topic: "orders", partitions: [0] }]);
  consumer.resume([{ topic: "orders", partitions: [0] }]);
  await broker.drained();
  assert.deepEqual(values, ["1"]);
});

test("what a handler has paused goes on when it resumes it, however late", async (t) => {
  const broker = memoryBroker();
  const consumer = broker.kafka.consumer({ groupId: "payments" });
  t.after(() => consumer.disconnect());
  await consumer.subscribe({ topics: ["orders"], fromBeginning: true });
  const values: string[] = [];
  let resume: (() => void) | undefined;
  await consumer.run({
    eachMessage: async ({ message, pause }) => {
      values.push(String(message.value));
      resume ??= pause();
    },
  });
  broker.publish("orders", { value: "1" });
  broker.publish("orders", { value: "2" });
  await broker.drained();
  assert.deepEqual(values, ["1"]);
  resume?.();
  await broker.drained();
  assert.deepEqual(values, ["1", "2"]);
});

test("what a producer sends reaches a consumer that had nothing to do", async (t) => {
  const broker = memoryBroker();
  const producer = broker.kafka.producer();
  await producer.connect();
  const { values } = await reading(t, broker);
  await broker.drained();
  const sent = await producer.send({ topic: "orders", acks: 0, messages: [{ value: "1" }] });
  assert.deepEqual(sent, [], "acks 0 asks for no answer");
  await broker.drained();
  assert.deepEqual(values, ["1"]);
});

test("a second run of a running consumer is ignored", async (t) => {
  const broker = memoryBroker({ partitions: 2 });
  const { values, consumer } = await reading(t, broker);
  await consumer.run({ eachMessage: () => assert.fail("the second run's handler was called") });
  for (const value of ["1", "2"]) broker.publish("orders", { value });
  await broker.drained();
  assert.deepEqual(values, ["1", "2"]);
});

test("a partition that changes hands while it is handled is handled once", async (t) => {
  const broker = memoryBroker({ partitions: 2 });
  let finish: (() => void) | undefined;
  const held = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let began: (() => void) | undefined;
  const begun = new Promise<void>((resolve) => {
    began = resolve;
  });
  const first = await reading(t, broker, {}, () => {
    began?.();
    return held;
  });
  broker.append("orders", { value: Buffer.from("held") }, 1);
  await begun;
  const second = await reading(t, broker);
  broker.append("orders", { value: Buffer.from("next") }, 1);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  finish?.();
  await broker.drained();
  assert.deepEqual([first.values, second.values], [["held"], ["next"]]);
});

test("publish writes a context of a trace of its own, and gives it", () => {
  const broker = memoryBroker();
  const one = broker.publish("orders", { key: "k", value: "1", headers: { tenant: "a" } });
  const two = broker.publish("orders", { value: null });
  assert.notEqual(one.traceId, two.traceId);
  assert.deepEqual(
    broker.records("orders").map(({ key, value, headers, partition, offset }) => ({
      key: key?.toString(),
      value: value?.toString(),
      headers: Object.entries(headers ?? {}).map(([name, held]) => `${name}: ${String(held)}`),
      partition,
      offset,
    })),
    [
      {
        key: "k",
        value: "1",
        headers: ["tenant: a", `traceparent: 00-${one.traceId}-${one.spanId}-01`],
        partition: 0,
        offset: "0",
      },
      {
        key: undefined,
        value: undefined,
        headers: [`traceparent: 00-${two.traceId}-${two.spanId}-01`],
        partition: 0,
        offset: "1",
      },
    ],
  );
});

test("append adds what kafkajs would not send: a header without a value", async (t) => {
  const broker = memoryBroker();
  const consumer = broker.kafka.consumer({ groupId: "payments" });
  t.after(() => consumer.disconnect());
  await consumer.subscribe({ topics: ["orders"], fromBeginning: true });
  const seen: unknown[] = [];
  await consumer.run({ eachMessage: async ({ message }) => void seen.push(message.headers) });
  broker.append("orders", { value: Buffer.from("1"), headers: [["empty", null]] });
  await broker.drained();
  assert.deepEqual(seen, [{ empty: null }]);
});

test("a record is a new object with bytes of its own whenever it is delivered", async (t) => {
  const broker = memoryBroker();
  const delivered: object[] = [];
  const consumer = broker.kafka.consumer({ groupId: "payments" });
  t.after(() => consumer.disconnect());
  await consumer.subscribe({ topics: ["orders"], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      delivered.push(message);
      message.value?.fill(0);
      if (delivered.length === 1) throw new Error("again");
      assert.equal(String(broker.records("orders")[0]?.value), "1");
    },
  });
  broker.publish("orders", { value: "1" });
  await broker.drained();
  assert.equal(new Set(delivered).size, 2);
});

test("commits are due by their threshold while a batch is handled", async (t) => {
  const broker = memoryBroker();
  const consumer = broker.kafka.consumer({ groupId: "payments" });
  t.after(() => consumer.disconnect());
  await consumer.subscribe({ topics: ["orders"], fromBeginning: true });
  const committed: (string | undefined)[] = [];
  await consumer.run({
    autoCommitThreshold: 2,
    eachMessage: async () => void committed.push(broker.committed("payments", "orders")),
  });
  for (const value of ["a", "b", "c", "d", "e"]) broker.publish("orders", { value });
  await broker.drained();
  assert.deepEqual(committed, [undefined, undefined, "2", "2", "4"]);
  assert.equal(broker.committed("payments", "orders"), "5");
});

test("commits are due by their interval while a batch is handled", async (t) => {
  const broker = memoryBroker();
  const consumer = broker.kafka.consumer({ groupId: "payments" });
  t.after(() => consumer.disconnect());
  await consumer.subscribe({ topics: ["orders"], fromBeginning: true });
  const committed: (string | undefined)[] = [];
  await consumer.run({
    autoCommitInterval: 0,
    eachMessage: async () => void committed.push(broker.committed("payments", "orders")),
  });
  for (const value of ["a", "b", "c"]) broker.publish("orders", { value });
  await broker.drained();
  assert.deepEqual(committed, [undefined, "1", "2"]);
});

test("offsets sent in a transaction are committed with it alone", async () => {
  const broker = memoryBroker();
  const producer = broker.kafka.producer({ transactionalId: "t" });
  await producer.connect();
  for (const [end, expected] of [
    ["abort", undefined],
    ["commit", "7"],
  ] as const) {
    const transaction = await producer.transaction();
    const partitions = [{ partition: 0, offset: "7" }];
    await transaction.sendOffsets({
      consumerGroupId: "payments",
      topics: [{ topic: "orders", partitions }],
    });
    assert.equal(broker.committed("payments", "orders"), undefined);
    await transaction[end]();
    assert.equal(broker.committed("payments", "orders"), expected);
  }
});

test("what an open transaction wrote holds back the records behind it", async (t) => {
  const broker = memoryBroker();
  const producer = broker.kafka.producer({ transactionalId: "t" });
  await producer.connect();
  const { values } = await reading(t, broker);
  const transaction = await producer.transaction();
  await transaction.send({ topic: "orders", messages: [{ value: "in it" }] });
  broker.publish("orders", { value: "behind it" });
  await broker.drained();
  assert.deepEqual(values, []);
  await transaction.commit();
  await broker.drained();
  assert.deepEqual(values, ["in it", "behind it"]);
});

test("a send is kept as a whole or not at all", async () => {
  const broker = memoryBroker();
  const producer = broker.kafka.producer();
  await producer.connect();
  const messages = [{ value: "1" }, { value: 2 as never }];
  await assert.rejects(producer.send({ topic: "orders", messages }), TypeError);
  assert.deepEqual(broker.records("orders"), []);
});

test("keys go to the partitions that kafkajs sends them to, and a partitioner of one's own decides", async () => {
  const broker = memoryBroker({ partitions: 7 });
  const theirs = Partitioners.DefaultPartitioner();
  const partitionMetadata = Array.from({ length: 7 }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [],
    isr: [],
  }));
  const keys = fc.sample(
    fc.oneof(
      fc.string(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    ),
    300,
  );
  const producer = broker.kafka.producer();
  await producer.connect();
  for (const key of keys) {
    const message = { key, value: "1" };
    const [sent] = await producer.send({ topic: "orders", messages: [message] });
    assert.equal(
      sent?.partition,
      theirs({ topic: "orders", partitionMetadata, message }),
      String(key),
    );
  }
  const own = broker.kafka.producer({
    createPartitioner:
      () =>
      ({ message }) =>
        String(message.value).length,
  });
  await own.connect();
  const [sent] = await own.send({ topic: "orders", messages: [{ key: "k", value: "three" }] });
  assert.equal(sent?.partition, 5);
});

test("headers are delivered as kafkajs decodes what it encodes", async () => {
  const load = createRequire(import.meta.url);
  const records = "kafkajs/src/protocol/recordBatch/record/v0";
  const encodeRecord = load(records) as (record: object) => { buffer: Buffer };
  const decodeRecord = load(`${records}/decoder`) as (
    decoder: object,
    context: object,
  ) => { headers: object };
  const Decoder = load("kafkajs/src/protocol/decoder") as new (buffer: Buffer) => {
    readVarInt(): number;
  };
  const value = fc.oneof(
    fc.string(),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  );
  const headers = fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom("constructor", "traceparent", "é")),
    fc.oneof(value, fc.array(value)),
  );
  const broker = memoryBroker();
  const producer = broker.kafka.producer();
  await producer.connect();
  await fc.assert(
    fc.asyncProperty(headers, async (sent) => {
      const decoder = new Decoder(encodeRecord({ value: "1", headers: sent }).buffer);
      decoder.readVarInt();
      await producer.send({ topic: "orders", messages: [{ value: "1", headers: sent }] });
      assert.deepEqual(
        broker.records("orders").at(-1)?.headers,
        decodeRecord(decoder, { firstOffset: 0, firstTimestamp: 0 }).headers,
      );
    }),
  );
});

test("clients have the methods and the events of kafkajs's", () => {
  const real = new Kafka({ brokers: ["127.0.0.1:1"], logLevel: logLevel.NOTHING });
  const { kafka } = memoryBroker();
  const config = { groupId: "payments" };
  for (const [ours, theirs] of [
    [kafka.producer(), real.producer()],
    [kafka.consumer(config), real.consumer(config)],
  ] as const) {
    assert.deepEqual(Object.keys(ours).toSorted(), Object.keys(theirs).toSorted());
    assert.deepEqual(ours.events, theirs.events);
    const on = ours.on as (name: string, listener: () => void) => void;
    assert.throws(() => on("nothing", () => {}), /Event name should be one of/);
  }
});

test("events tell of the group, the batches and the commits", async (t) => {
  const broker = memoryBroker();
  const consumer = broker.kafka.consumer({ groupId: "payments" });
  t.after(() => consumer.disconnect());
  const told: string[] = [];
  for (const name of Object.values(consumer.events)) {
    const remove = consumer.on(name as never, (event: { type: string }) => {
      told.push(event.type.replace("consumer.", ""));
    });
    if (name === consumer.events.HEARTBEAT) remove();
  }
  await consumer.connect();
  await consumer.subscribe({ topics: ["orders"], fromBeginning: true });
  await consumer.run({ eachMessage: async ({ heartbeat }) => heartbeat() });
  broker.publish("orders", { value: "1" });
  await broker.drained();
  await consumer.disconnect();
  assert.deepEqual(told, [
    "connect",
    "group_join",
    "start_batch_process",
    "end_batch_process",
    "commit_offsets",
    "stop",
    "disconnect",
  ]);
});

test("the admin client makes and lists topics, and says what it has not", async () => {
  const broker = memoryBroker();
  const admin = broker.kafka.admin();
  await admin.connect();
  const topics = [{ topic: "orders", numPartitions: 3 }];
  assert.equal(await admin.createTopics({ topics }), true);
  assert.equal(await admin.createTopics({ topics }), false);
  assert.deepEqual(await admin.listTopics(), ["orders"]);
  const { topics: described } = await admin.fetchTopicMetadata({ topics: ["orders"] });
  assert.deepEqual(
    described.map(({ name, partitions }) => [name, partitions.length]),
    [["orders", 3]],
  );
  await assert.rejects(admin.fetchTopicMetadata({ topics: ["none"] }), {
    type: "UNKNOWN_TOPIC_OR_PARTITION",
  });
  broker.append("orders", {}, 2);
  const offsets = await admin.fetchTopicOffsets("orders");
  assert.deepEqual(
    offsets.map(({ high }) => high),
    ["0", "0", "1"],
  );
  assert.throws(
    () => void admin.describeCluster(),
    /The memory broker's admin has no describeCluster\(\)\. It has connect/,
  );
});

test("a broker without a partition is refused", () => {
  for (const partitions of [0, 1.5, Number.NaN]) {
    assert.throws(() => memoryBroker({ partitions }), RangeError);
  }
  assert.throws(
    () => memoryBroker().append("orders", {}, 1),
    /Topic orders has no partition 1: it has 1/,
  );
});
