// Random sends through kafkajs's own producer, partitioner and encoder: what a broker gets is the
// same with us as without, but for the trace headers; what kafkajs refuses, it refuses in the same
// words; and the application's objects are not written to. Rule 8 of the design.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import type { ICustomPartitioner, Message, Producer, ProducerBatch, ProducerRecord } from "kafkajs";
import { traced } from "throughline/kafkajs";
import { type Draft, drafts, Order, REGION } from "./host-messages.ts";
import { encodingProducer, PARTITIONS, type Sent } from "./host-producer.ts";
import { snapshot } from "./host-snapshot.ts";
import { tracing, type Tracing } from "./sdk.ts";
import { stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
before(() => {
  observed = tracing();
});
after(() => observed.shutdown());

/** Reads whatever an application's partitioner may read of its own messages. */
const byTenant: ICustomPartitioner = () => {
  return ({ message }) => {
    const { tenant, region, partition } = message as Message & Record<string, unknown>;
    if (typeof partition === "number") return partition;
    const own = message instanceof Order ? message.tenant() : tenant;
    const text = `${message.constructor?.name} ${String(own)} ${String(region)} ${String(
      (message as unknown as Record<symbol, unknown>)[REGION],
    )}`;
    return Buffer.from(text).reduce((sum, byte) => sum + byte, 0) % PARTITIONS;
  };
};

const OURS = ["traceparent", "tracestate", "baggage"];

function withoutTrace({ headers, timestamp, ...rest }: Sent): object {
  const own = Object.entries(headers).filter(([name]) => !OURS.includes(name.toLowerCase()));
  // kafkajs's encoder misses a timestamp that is no field of its own, and takes the clock's.
  return { ...rest, headers: own, timestamp: timestamp.startsWith("1700000000") && timestamp };
}

/** What a send comes to, and what the broker got. */
async function outcome(
  wrap: (producer: Producer) => Producer,
  send: (producer: Producer) => Promise<unknown>,
): Promise<{ outcome: unknown; sent: Sent[] }> {
  const { client, sent } = await encodingProducer(byTenant);
  try {
    return { outcome: ["resolved", await send(wrap(client))], sent };
  } catch (error) {
    const { name, message } = error as Error;
    return { outcome: ["rejected", name, message], sent };
  }
}

async function same(build: () => ProducerRecord | ProducerBatch): Promise<Sent[]> {
  const send = (argument: ProducerRecord | ProducerBatch) => async (producer: Producer) =>
    "topic" in argument ? producer.send(argument) : producer.sendBatch(argument);
  const bare = await outcome((producer) => producer, send(build()));
  const argument = build();
  const before = snapshot(argument);
  const ours = await outcome((producer) => traced(producer), send(argument));
  assert.deepEqual(snapshot(argument), before, "the application's object was written to");
  assert.deepEqual(ours.outcome, bare.outcome);
  assert.deepEqual(ours.sent.map(withoutTrace), bare.sent.map(withoutTrace));
  return ours.sent;
}

const built = (messages: readonly Draft[]): Message[] =>
  messages.map(({ build }) => build()) as Message[];

test("send: the broker gets the same records, or the host the same error", async () => {
  let records: Sent[] = [];
  await fc.assert(
    fc.asyncProperty(fc.array(drafts, { maxLength: 3 }), async (messages) => {
      records = records.concat(await same(() => ({ topic: "orders", messages: built(messages) })));
    }),
    { numRuns: 400 },
  );
  const carrying = records.filter(({ headers }) => "traceparent" in headers);
  assert.ok(carrying.length > 100, `only ${carrying.length} records carried our context`);
});

test("sendBatch: the broker gets the same records, or the host the same error", async () => {
  const topics = fc.array(fc.tuple(fc.constantFrom("a", "b"), fc.array(drafts, { maxLength: 2 })), {
    maxLength: 3,
  });
  await fc.assert(
    fc.asyncProperty(topics, async (drawn) => {
      await same(() => ({
        topicMessages: drawn.map(([topic, messages]) => ({ topic, messages: built(messages) })),
      }));
    }),
    { numRuns: 200 },
  );
});

test("what is asked of kafkajs besides the messages reaches it as it was", async () => {
  const asked = fc.record(
    {
      acks: fc.constantFrom(-1, 0, 1),
      timeout: fc.nat(60_000),
      compression: fc.constantFrom(0, 1, 2, 3, 4),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(asked, async (options) => {
      const { client, calls } = stubProducer();
      const producer = traced(client);
      const transaction = await producer.transaction();
      const messages = [{ value: "1" }];
      const topicMessages = [{ topic: "orders", messages }];
      for (const sender of [producer, transaction]) {
        await sender.send({ topic: "orders", messages, ...options });
        await sender.sendBatch({ topicMessages, ...options });
      }
      assert.equal(calls.length, 4);
      for (const { acks, timeout, compression } of calls) {
        const { acks: wanted, timeout: timeoutMs, compression: by } = options;
        assert.deepEqual([acks, timeout, compression], [wanted, timeoutMs, by]);
      }
    }),
    { numRuns: 50 },
  );
});

const odd: Record<string, unknown> = {
  nothing: undefined,
  null: null,
  text: "orders",
  "no topic": { messages: [{ value: "1" }] },
  "an empty topic": { topic: "", messages: [{ value: "1" }] },
  "no messages": { topic: "orders" },
  "messages that are no list": { topic: "orders", messages: { value: "1" } },
  "no message at all": { topic: "orders", messages: [] },
  "a hole among the messages": { topic: "orders", messages: Array.from({ length: 1 }) },
  "a list with a real hole": { topic: "orders", messages: Object.assign([], { length: 1 }) },
  "topics that are none": { topicMessages: [null] },
  "a batch without messages": { topicMessages: [{ topic: "orders" }] },
  "a topic that can't be read": {
    get topic(): string {
      throw new RangeError("the application's own");
    },
    messages: [{ value: "1" }],
  },
};

for (const [name, argument] of Object.entries(odd)) {
  for (const method of ["send", "sendBatch"] as const) {
    test(`${method} given ${name}: what kafkajs makes of it`, async () => {
      const send = async (producer: Producer): Promise<unknown> =>
        producer[method](argument as never);
      const bare = await outcome((producer) => producer, send);
      assert.deepEqual(await outcome((producer) => traced(producer), send), bare);
    });
  }
}

test("sendBatch: a topic without messages, or left alone, takes nothing from the others", async () => {
  const { client, sent } = await encodingProducer(byTenant);
  await traced(client, { ignore: (topic) => topic === "audit" }).sendBatch({
    topicMessages: [
      { topic: "empty", messages: [] },
      { topic: "audit", messages: [{ value: "1" }] },
      { topic: "orders", messages: [{ value: "1" }] },
    ],
  });
  assert.deepEqual(
    sent.map(({ topic, headers }) => [topic, "traceparent" in headers]),
    [
      ["audit", false],
      ["orders", true],
    ],
  );
  assert.equal(observed.spans().at(-1)?.name, "send orders");
});

test("what an application's partitioner writes on its own message is sent", async () => {
  const writing: ICustomPartitioner =
    () =>
    ({ message }) => {
      Object.assign(message, { key: "written" });
      return 0;
    };
  for (const message of [
    { value: "1", tenant: "a" },
    { value: "1" },
    new Order({ value: "1" }, "a"),
  ]) {
    const { client, sent } = await encodingProducer(writing);
    await traced(client).send({ topic: "orders", messages: [message as Message] });
    assert.equal(sent[0]?.key?.toString(), "written");
  }
});
