import { trace } from "@opentelemetry/api";
import type * as confluentPackage from "@confluentinc/kafka-javascript";
import type { KafkaJS } from "@confluentinc/kafka-javascript";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import { traced } from "throughline/confluent";
import { collectSpans, type SpanCollector } from "throughline/testing";
import { createTopic } from "../kafka-topic.ts";
import { tracing } from "../sdk.ts";
import { brokers, nativeClient, noKafka } from "./client.ts";

// What is particular to the promised interface of Confluent's client.

const name = "Confluent's KafkaJS";
const native = nativeClient<typeof confluentPackage>("@confluentinc/kafka-javascript");
const reason = "reason" in native ? native.reason : brokers === undefined ? noKafka : undefined;
const PATIENCE = { timeout: 60_000 };
const open: { disconnect(): Promise<void> }[] = [];
after(() => Promise.all(open.map((client) => client.disconnect())));

function bareKafka(): KafkaJS.Kafka {
  assert.ok("built" in native);
  const { Kafka: Confluent, logLevel: levels } = native.built.KafkaJS;
  return new Confluent({
    kafkaJS: { brokers: (brokers ?? "").split(","), logLevel: levels.NOTHING },
  });
}

async function connected<Client extends KafkaJS.Producer | KafkaJS.Consumer>(
  client: Client,
): Promise<Client> {
  await client.connect();
  open.push(client);
  return client;
}

function claim(of: string, body: (spans: SpanCollector, topic: string) => Promise<void>): void {
  test(`${name}: ${of}`, { ...PATIENCE, skip: reason ?? false }, async () => {
    const spans = collectSpans();
    const registered = tracing({ processors: [spans] });
    try {
      await body(spans, await newTopic());
    } finally {
      await registered.shutdown();
    }
  });
}

async function newTopic(): Promise<string> {
  const topic = `native-${randomUUID()}`;
  const kafka = new Kafka({ brokers: (brokers ?? "").split(","), logLevel: logLevel.NOTHING });
  await createTopic(kafka, topic, 3);
  return topic;
}

/** Consumes that many messages from the beginning; gives what the client handed over. */
async function received(
  kafka: KafkaJS.Kafka,
  topic: string,
  count: number,
  each: (payload: KafkaJS.EachMessagePayload) => unknown = () => {},
): Promise<KafkaJS.EachMessagePayload[]> {
  const groupId = `group-of-${topic}`;
  const consumer = await connected(kafka.consumer({ kafkaJS: { groupId, fromBeginning: true } }));
  await consumer.subscribe({ topic });
  const payloads: KafkaJS.EachMessagePayload[] = [];
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async (payload: KafkaJS.EachMessagePayload): Promise<void> => {
      await each(payload);
      payloads.push(payload);
      if (payloads.length === count) resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  return payloads;
}

claim(
  "a message may be sent twice, for the client writes to a copy of it",
  async (spans, topic) => {
    const bare = await connected(bareKafka().producer());
    const producer = await connected(traced(bareKafka()).producer());
    const message = (): KafkaJS.Message => ({ key: "k", value: "1", headers: { tenant: "a" } });
    const written = message();
    await bare.send({ topic, messages: [written] });
    assert.notDeepEqual(written, message(), "there is no trap any more");

    const kept = message();
    const twice = [await producer.send({ topic, messages: [kept] })];
    twice.push(await producer.send({ topic, messages: [kept] }));
    assert.deepEqual(kept, message());
    const timestamp = "1700000000000";
    const placed = { partition: 2, timestamp, headers: Object.freeze({}) };
    const frozen = Object.freeze({ ...message(), ...placed });
    await producer.send(Object.freeze({ topic, messages: Object.freeze([frozen]) as never }));
    const payloads = await received(bareKafka(), topic, 4);
    const { length } = payloads.filter(({ message: { headers } }) => headers?.["traceparent"]);
    assert.equal(length, 3);
    const late = payloads.find(({ message: { headers } }) => headers?.["tenant"] === undefined);
    assert.deepEqual([late?.partition, late?.message.timestamp], [2, timestamp]);
    assert.deepEqual(
      payloads.map(({ message: { headers } }) => headers?.["tenant"]?.toString()).toSorted(),
      ["a", "a", "a", undefined],
    );
    spans.expectSpans(`send ${topic}`, 3);
  },
);

claim(
  "sendBatch gives each message one context and one span, though the client sends it by send",
  async (spans, topic) => {
    const other = await newTopic();
    const kafka = traced(bareKafka());
    const producer = await connected(kafka.producer());
    await producer.sendBatch({
      topicMessages: [
        { topic, messages: [{ value: "1" }, { value: "2" }] },
        { topic: other, messages: [{ value: "3" }] },
      ],
    });
    await spans.ended();
    spans.expectSpans(/^create /, 3);
    spans.expectSpans(/^send /, 2);
    const payloads = await received(bareKafka(), topic, 2);
    for (const { message } of payloads)
      assert.ok(Buffer.isBuffer(message.headers?.["traceparent"]));
  },
);

claim(
  "what run and send refuse is refused in the client's own words, and no span is made",
  async (spans, topic) => {
    const clients = [bareKafka(), traced(bareKafka())];
    const words = await Promise.all(
      clients.map(async (kafka) => {
        const said: string[] = [];
        const note = async (call: () => Promise<unknown>): Promise<void> => {
          await call().then(
            () => said.push("resolved"),
            (error: Error) => said.push(`${error.name}: ${error.message}`),
          );
        };
        const consumer = await connected(kafka.consumer({ kafkaJS: { groupId: randomUUID() } }));
        const eachMessage = async (): Promise<void> => {};
        await note(() => consumer.run({ eachMessage, autoCommit: false } as never));
        await note(() => consumer.run({ eachMessage, autoCommitInterval: undefined } as never));
        await note(() => consumer.run({ eachMessage, autoCommitThreshold: 1 } as never));
        await note(() => consumer.run(undefined));
        const producer = await connected(kafka.producer());
        const messages = [{ value: "1" }];
        await note(() => producer.send({ topic, messages, acks: 1 } as never));
        await note(() => producer.send({ topic, messages, compression: undefined } as never));
        await note(() => producer.send(undefined as never));
        await note(() =>
          producer.sendBatch({ topicMessages: [{ topic, messages, timeout: 1 }] } as never),
        );
        await note(() => producer.send({ topic, messages: [{ value: 42 as never }] }));
        await note(() =>
          producer.send({ topic, messages: [{ value: "1", headers: { n: 1 as never } }] }),
        );
        return said;
      }),
    );
    assert.deepEqual(words[1], words[0]);
    assert.equal(words[0]?.includes("resolved"), false);
    // What only the client's native side refuses is a send that failed.
    spans.expectSpan(`send ${topic}`).failed();
  },
);

claim(
  "a transaction is the producer itself, the traced one, and takes a traced consumer's offsets",
  async (spans, topic) => {
    const next = await newTopic();
    const kafka = traced(bareKafka());
    const producer = await connected(
      kafka.producer({ kafkaJS: { transactionalId: `native-${randomUUID()}` } }),
    );
    const first = await connected(kafka.producer());
    await inSpan("sender", () => first.send({ topic, messages: [{ value: "1", partition: 0 }] }));
    const groupId = `group-of-${topic}`;
    const consumer = await connected(
      kafka.consumer({ kafkaJS: { groupId, fromBeginning: true, autoCommit: false } }),
    );
    await consumer.subscribe({ topic });
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ message }: KafkaJS.EachMessagePayload): Promise<void> => {
        const transaction = await producer.transaction();
        assert.equal(transaction, producer, "the transaction is the bare producer");
        assert.equal(transaction.isActive(), true);
        await transaction.send({ topic: next, messages: [{ value: message.value }] });
        const offset = String(Number(message.offset) + 1);
        await transaction.sendOffsets({
          consumer,
          topics: [{ topic, partitions: [{ partition: 0, offset }] }],
        });
        await transaction.commit();
        resolve();
      };
      consumer.run({ eachMessage: (payload) => eachMessage(payload).catch(reject) }).catch(reject);
    });
    await spans.ended();
    spans.expectSpan(`send ${next}`).childOf(`process ${topic}`).inTraceOf("sender");
    const committed = await consumer.committed([{ topic, partition: 0 }]);
    assert.equal(committed[0]?.offset, "1");
  },
);

claim(
  "a header that stands twice is an array, none at all is undefined, and both are handled",
  async (spans, topic) => {
    const kafka = bareKafka();
    const producer = await connected(kafka.producer());
    const of = (trace: string): string => `00-${trace.repeat(32)}-${trace.repeat(16)}-01`;
    await producer.send({
      topic,
      messages: [
        { value: "twice", partition: 0, headers: { traceparent: [of("1"), of("2")] } },
        { value: "none", partition: 0 },
      ],
    });
    const payloads = await received(traced(bareKafka()), topic, 2, ({ message }) => {
      mark(`handled ${message.value?.toString()}`);
    });
    const [twice, none] = payloads.map(({ message: { headers } }) => headers as object | undefined);
    assert.ok(
      Array.isArray((twice as KafkaJS.IHeaders)["traceparent"]),
      "there is no trap any more",
    );
    assert.equal(none, undefined, "there is no trap any more");
    await spans.ended();
    const handled = spans.expectSpans(`process ${topic}`, 2).root().spans;
    assert.deepEqual(
      handled.map(({ links }) => links.map(({ context }) => context.traceId)),
      [["1".repeat(32), "2".repeat(32)], []],
    );
  },
);

claim(
  "handlers that the client runs side by side each see their own message's trace",
  async (spans, topic) => {
    const kafka = traced(bareKafka());
    const producer = await connected(kafka.producer());
    const texts = Array.from({ length: 300 }, (_, at) => String(at));
    await Promise.all(
      texts.map((text, at) =>
        inSpan(`sender ${text}`, () =>
          producer.send({ topic, messages: [{ value: text, partition: at % 3 }] }),
        ),
      ),
    );
    const groupId = `group-of-${topic}`;
    const consumer = await connected(kafka.consumer({ kafkaJS: { groupId, fromBeginning: true } }));
    await consumer.subscribe({ topic });
    let [running, most, done] = [0, 0, 0];
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ message }: KafkaJS.EachMessagePayload): Promise<void> => {
        const text = message.value?.toString();
        most = Math.max(most, ++running);
        mark(`handled ${text}`);
        await new Promise((next) => setTimeout(next, 2));
        mark(`later ${text}`);
        running -= 1;
        if (++done === texts.length) resolve();
      };
      consumer.run({ partitionsConsumedConcurrently: 3, eachMessage }).catch(reject);
    });
    assert.ok(most > 1, "no two handlers ran side by side");
    for (const text of texts) {
      spans.expectSpan(`handled ${text}`).inTraceOf(`sender ${text}`);
      spans.expectSpan(`later ${text}`).inTraceOf(`sender ${text}`);
    }
  },
);

claim(
  "the group is on a process span, however the consumer came to know it",
  async (spans, topic) => {
    const sent = await connected(bareKafka().producer());
    await sent.send({ topic, messages: [{ value: "1" }] });
    const kafka = traced(bareKafka());
    const groups = [1, 2, 3].map((at) => `group-${at}-of-${topic}`);
    const [first = "", second = "", third = ""] = groups;
    const consumers = [
      kafka.consumer({ kafkaJS: { groupId: first, fromBeginning: true } }),
      kafka.consumer({ "group.id": second, "auto.offset.reset": "earliest" }),
      traced(bareKafka().consumer({ kafkaJS: { groupId: third, fromBeginning: true } })),
    ];
    await Promise.all(
      consumers.map(async (consumer) => {
        await connected(consumer);
        await consumer.subscribe({ topic });
        await new Promise<void>((resolve, reject) => {
          consumer.run({ eachMessage: async () => resolve() }).catch(reject);
        });
      }),
    );
    await spans.ended();
    const seen = spans
      .expectSpans(`process ${topic}`, 3)
      .spans.map(({ attributes }) => attributes["messaging.consumer.group.name"]);
    assert.deepEqual(seen.toSorted(), groups);
  },
);

claim("an explicit commit is a span in its message's trace", async (spans, topic) => {
  const kafka = traced(bareKafka());
  const producer = await connected(kafka.producer());
  await inSpan("sender", () => producer.send({ topic, messages: [{ value: "1", partition: 0 }] }));
  const groupId = `group-of-${topic}`;
  const consumer = await connected(
    kafka.consumer({ kafkaJS: { groupId, fromBeginning: true, autoCommit: false } }),
  );
  await consumer.subscribe({ topic });
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async ({ partition }: KafkaJS.EachMessagePayload): Promise<void> => {
      await consumer.commitOffsets([{ topic, partition, offset: "1" }]);
      resolve();
    };
    consumer.run({ eachMessage: (payload) => eachMessage(payload).catch(reject) }).catch(reject);
  });
  await spans.ended();
  spans.expectSpan(`commit ${topic}`).childOf(`process ${topic}`).inTraceOf("sender");
});

test("traced() names what it takes, and what it got", () => {
  assert.throws(() => traced({} as never), {
    name: "TypeError",
    message: /takes a Kafka, producer or consumer of KafkaJS, or a Producer.* got object/,
  });
  assert.throws(() => traced(null as never), /got null/);
});

function mark(of: string): void {
  trace.getTracer("application").startSpan(of).end();
}

function inSpan<Result>(of: string, work: () => Promise<Result>): Promise<Result> {
  return trace.getTracer("application").startActiveSpan(of, async (span) => {
    try {
      return await work();
    } finally {
      span.end();
    }
  });
}
