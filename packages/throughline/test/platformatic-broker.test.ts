import { context, SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { after, before, describe, test } from "node:test";
import * as client from "@platformatic/kafka";
import type { Message, MessagesStream, Producer, ProducerStream } from "@platformatic/kafka";
import { deadLetter, processMessage, traced } from "throughline/platformatic";
import { type Tracing, tracing } from "./sdk.ts";

// What only @platformatic/kafka on a real Kafka can show.

const bootstrapBrokers = process.env["KAFKA_BROKERS"]?.split(",") ?? [];
const options = {
  skip:
    bootstrapBrokers.length === 0 &&
    "no real Kafka: set KAFKA_BROKERS, or install java and mvn for npm test",
  timeout: 60_000,
};

const base = { clientId: "traps", bootstrapBrokers };
type Text = Message<string, string, string, string>;

describe("@platformatic/kafka on a real Kafka", options, () => {
  let sdk: Tracing;
  let topic = "";
  async function newTopic(): Promise<string> {
    const name = `platformatic-${randomUUID()}`;
    const admin = new client.Admin(base);
    await admin.createTopics({ topics: [name], partitions: 1, replicas: 1 });
    await admin.close();
    return name;
  }

  before(async () => {
    sdk = tracing();
    topic = await newTopic();
  });
  after(() => sdk.shutdown());

  /** Every record so far, as the bytes on the wire, in order. */
  async function records(count: number): Promise<Message[]> {
    const consumer = new client.Consumer({ ...base, groupId: `raw-${randomUUID()}` });
    const stream = await consumer.consume({ topics: [topic], mode: "earliest" });
    const seen: Message[] = [];
    for await (const message of stream) if (seen.push(message) === count) break;
    await consumer.close(true);
    return seen;
  }

  function headerTexts({ headerEntries }: Message, name: string): string[] {
    return headerEntries
      .filter(([each]) => each.toString() === name)
      .map(([, value]) => value.toString());
  }

  function within<Result>(name: string, work: () => Result): { traceId: string; result: Result } {
    return trace.getTracer("application").startActiveSpan(name, (span) => {
      const result = work();
      span.end();
      return { traceId: span.spanContext().traceId, result };
    });
  }

  let sent = 0;

  test("context is written as the producer's own header serializers write text, with and without headers there", async () => {
    const own = {
      headerKey: (name?: string) => name && Buffer.from(name),
      headerValue: (value?: Buffer) => value,
    };
    const producers = [
      new client.Producer(base),
      new client.Producer({ ...base, serializers: client.stringSerializers }),
      new client.Producer({ ...base, serializers: own as never }),
    ] as unknown as Producer<unknown, unknown, unknown, unknown>[];
    const bytes = (text: string): Buffer => Buffer.from(text);
    const headers: unknown[][] = [
      [undefined, new Map(), new Map([[bytes("tenant"), bytes("a")]])],
      [undefined, new Map([["tenant", "a"]]), { tenant: "a" }, {}],
      [undefined, new Map([["tenant", bytes("a")]]), { tenant: bytes("a") }, {}],
    ];
    const traceIds: string[] = [];
    for (const [at, bare] of producers.entries()) {
      const producer = traced(bare);
      for (const carried of headers[at] ?? []) {
        const value = at === 1 ? "1" : bytes("1");
        const message = { topic, value, ...(carried !== undefined && { headers: carried }) };
        const { traceId, result } = within("sender", () =>
          producer.send({ messages: [message as never], acks: -1 }),
        );
        await result;
        traceIds.push(traceId);
      }
      await producer.close();
    }
    sent += traceIds.length;
    const seen = await records(sent);
    assert.deepEqual(
      seen.map((record) => headerTexts(record, "traceparent").map((text) => text.slice(3, 35))),
      traceIds.map((traceId) => [traceId]),
    );
    assert.equal(seen.filter((record) => headerTexts(record, "tenant").join() === "a").length, 5);
  });

  test("context that JSON serializers put quotes around reaches a consumer whose deserializers undo that", async (t) => {
    const quoted = await newTopic();
    const producer = traced(
      new client.Producer({
        ...base,
        serializers: client.serializersFrom(client.jsonSerializer),
      }) as never as Producer<string, string, string, string>,
    );
    t.after(() => producer.close());
    const { traceId, result } = within("sender", () =>
      producer.send({ messages: [{ topic: quoted, key: "1", value: "1" }], acks: -1 }),
    );
    await result;
    const consumer = traced(
      new client.Consumer({
        ...base,
        groupId: `json-${quoted}`,
        deserializers: {
          headerKey: client.jsonDeserializer,
          headerValue: client.jsonDeserializer,
        },
      }),
    );
    t.after(() => consumer.close(true));
    for await (const message of await consumer.consume({ topics: [quoted], mode: "earliest" })) {
      await processMessage(message, async () =>
        assert.equal(trace.getActiveSpan()?.spanContext().traceId, traceId),
      );
      break;
    }
  });

  test("the callback of a send runs in the context of the call, and is told what the bare client tells", async () => {
    const producer = traced(new client.Producer(base));
    const told = await new Promise<unknown[]>((resolve) => {
      within("caller", () => {
        const returned: unknown = producer.send(
          { messages: [{ topic, value: Buffer.from("1") }], acks: -1 },
          (error, result) =>
            resolve([
              error,
              result,
              returned,
              (trace.getActiveSpan() as { name?: string } | undefined)?.name,
            ]),
        );
      });
    });
    sent += 1;
    const [error, result, returned, active] = told;
    assert.equal(error, null);
    assert.deepEqual(Object.keys(result as object), ["offsets"]);
    assert.equal(returned, undefined);
    assert.equal(active, "caller");
    await producer.close();
    const failed = await new Promise<unknown>((resolve) => {
      producer.send({ messages: [{ topic, value: Buffer.from("1") }] }, resolve);
    });
    assert.match(String(failed), /closed/);
    const span = sdk.spans().findLast(({ name }) => name === `send ${topic}`);
    assert.equal(span?.status.code, SpanStatusCode.ERROR);
    assert.equal(sdk.open().length, 0);
  });

  test("a message written to a producer's stream carries the context it was written in, and is reported as the very object", async () => {
    const bare = new client.Producer({ ...base, serializers: client.stringSerializers });
    const producer = traced(bare);
    const stream = producer.asStream({
      // One object is in the first batch twice.
      batchSize: 4,
      batchTime: 5,
      reportMode: "message",
      acks: -1,
    });
    assert.ok(stream instanceof client.ProducerStream);
    assert.ok(stream.producer === producer);
    assert.equal(producer.streamsCount, 1);
    const reported: unknown[] = [];
    stream.on("delivery-report", ({ message }: { message: unknown }) => reported.push(message));
    const written = ["1", "2", "3"].map((value) => Object.freeze({ topic, value, partition: 0 }));
    const twice = written[0] as (typeof written)[number];
    const traceIds = [...written, twice].map(
      (message) => within(`writer ${message.value}`, () => stream.write(message)).traceId,
    );
    const last = { topic, value: "last" };
    traceIds.push(within("writer last", () => stream.end(last)).traceId);
    await once(stream, "close");
    sent += traceIds.length;
    assert.deepEqual(reported, [...written, twice, last]);
    assert.ok(reported.every((message, at) => message === [...written, twice, last][at]));
    assert.deepEqual(last, { topic, value: "last" });
    const seen = (await records(sent)).slice(-traceIds.length);
    assert.deepEqual(
      seen.map((record) => headerTexts(record, "traceparent").map((text) => text.slice(3, 35))),
      traceIds.map((traceId) => [traceId]),
    );
    assert.equal(sdk.open().length, 0);
    await producer.close();
  });

  test("pipeline writes to a producer's stream as it does to the bare one", async () => {
    const producer = traced(
      new client.Producer({ ...base, serializers: client.stringSerializers }),
    );
    const { traceId, result } = within("pipeline", () =>
      pipeline([{ topic, value: "piped" }], producer.asStream({ acks: -1 }) as Writable),
    );
    await result;
    sent += 1;
    const record = (await records(sent)).at(-1) as Message;
    assert.equal(record.value.toString(), "piped");
    assert.equal(headerTexts(record, "traceparent")[0]?.slice(3, 35), traceId);
    await producer.close();
  });

  test("what a stream that fails or is destroyed still holds has a span that failed, and none stays open", async () => {
    const producer = traced(
      new client.Producer({
        ...base,
        bootstrapBrokers: ["127.0.0.1:1"],
        retries: 0,
        connectTimeout: 300,
      }),
    );
    const ends: ((stream: ProducerStream) => void)[] = [
      () => {},
      (stream) => stream.destroy(),
      (stream) => stream.destroy(new RangeError("enough")),
    ];
    for (const end of ends) {
      sdk.reset();
      const stream = producer.asStream({ batchSize: 1 });
      stream.on("error", () => {});
      const closed = new Promise((resolve) => stream.once("close", resolve));
      within("writer", () => stream.write({ topic, value: Buffer.from("1") }));
      end(stream);
      await closed;
      // Written too late: the stream refuses it.
      stream.write({ topic, value: Buffer.from("2") });
      const failed = sdk.spans().filter(({ name }) => name === `send ${topic}`);
      assert.deepEqual(
        failed.map(({ status }) => status.code),
        [SpanStatusCode.ERROR],
      );
      assert.equal(sdk.open().length, 0);
    }
    await producer.close();
  });

  test("a producer shows the traced transaction, and what its callback is given is it", async () => {
    const producer = traced(
      new client.Producer({ ...base, idempotent: true, transactionalId: randomUUID() }),
    );
    const transaction = await new Promise<Awaited<ReturnType<typeof producer.beginTransaction>>>(
      (resolve, reject) => {
        producer.beginTransaction({}, (error, begun) =>
          error ? reject(error) : resolve(begun as never),
        );
      },
    );
    assert.ok(producer.transaction === transaction);
    const { traceId, result } = within("sender", () =>
      transaction.send({ messages: [{ topic, value: Buffer.from("in a transaction") }] }),
    );
    await result;
    await transaction.commit();
    assert.equal(transaction.completed, true);
    await producer.close();
    sent += 1;
    const record = (await records(sent)).at(-1) as Message;
    assert.equal(headerTexts(record, "traceparent")[0]?.slice(3, 35), traceId);
  });

  /** Reads one message of a traced consumer in some way; the consumer has options. */
  async function readBy(
    way: (stream: MessagesStream<string, string, string, string>) => Promise<unknown>,
  ): Promise<void> {
    const groupId = `ways-${randomUUID()}`;
    const consumer = traced(
      new client.Consumer({ ...base, groupId, deserializers: client.stringDeserializers }),
      { attributes: () => ({ "shop.tenant": "a" }) },
    );
    const stream = await new Promise<MessagesStream<string, string, string, string>>(
      (resolve, reject) => {
        consumer.consume({ topics: [topic], mode: "earliest", maxFetches: 1 }, (error, made) =>
          error ? reject(error) : resolve(made as never),
        );
      },
    );
    assert.ok(stream instanceof client.MessagesStream);
    sdk.reset();
    await way(stream);
    const spans = sdk.spans().filter(({ name }) => name === `process ${topic}`);
    assert.ok(spans.length > 0);
    for (const { attributes } of spans) {
      assert.deepEqual(
        [
          attributes["messaging.consumer.group.name"],
          attributes["messaging.destination.partition.id"],
          attributes["messaging.client.id"],
          attributes["shop.tenant"],
        ],
        [groupId, "0", "traps", "a"],
      );
    }
    await consumer.close(true);
  }

  const handle = async (): Promise<void> => {};

  test("processMessage knows a stream's message and the consumer's options, however the stream is read", async () => {
    await readBy(async (stream) => {
      for await (const message of stream) await processMessage(message, handle);
    });
    await readBy(async (stream) => {
      const handled: Promise<void>[] = [];
      stream.on("data", (message) => handled.push(processMessage(message, handle)));
      await once(stream, "end");
      await Promise.all(handled);
    });
    await readBy((stream) =>
      pipeline(
        stream,
        new Writable({
          objectMode: true,
          async write(message: Text, _encoding, done) {
            await processMessage(message, handle);
            done();
          },
        }),
      ),
    );
    await readBy((stream) =>
      stream
        .map((message: Text) => ({ ...message }))
        .forEach((copy) => processMessage(copy, handle)),
    );
  });

  test("a commit by the consumer has a span, by promise and by callback; a message's own has none", async () => {
    const groupId = `commits-${topic}`;
    const consumer = traced(new client.Consumer({ ...base, groupId }));
    const stream = await consumer.consume({ topics: [topic], mode: "earliest", autocommit: false });
    sdk.reset();
    for await (const { offset, leaderEpoch, partition, commit } of stream) {
      const offsets = [{ topic, partition, offset: offset + 1n, leaderEpoch }];
      await commit();
      assert.equal(sdk.spans().length, 0);
      assert.equal(await consumer.commit({ offsets }), undefined);
      await new Promise<void>((resolve, reject) => {
        consumer.commit({ offsets }, (error) => (error ? reject(error) : resolve()));
      });
      break;
    }
    await consumer.close(true);
    const spans = sdk.spans();
    assert.deepEqual(
      spans.map(({ name }) => name),
      [`commit ${topic}`, `commit ${topic}`],
    );
    assert.equal(spans[0]?.attributes["messaging.consumer.group.name"], groupId);
    assert.equal(sdk.open().length, 0);
  });

  test("a dead letter of a message that was never handled names its record, in the forms that its headers had", async () => {
    const consumer = new client.Consumer({
      ...base,
      groupId: `letters-${topic}`,
      deserializers: client.stringDeserializers,
    });
    const stream = await consumer.consume({ topics: [topic], mode: "earliest" });
    for await (const message of stream) {
      const { headers, value } = context.with(context.active(), () =>
        deadLetter(message, new RangeError("too big")),
      );
      assert.equal(value, message.value);
      assert.equal(headers.get("dlq.origin.destination"), topic);
      assert.equal(headers.get("dlq.origin.partition"), "0");
      assert.equal(headers.get("dlq.origin.offset"), message.offset.toString());
      assert.equal(headers.get("dlq.origin.group"), `letters-${topic}`);
      assert.equal(headers.get("dlq.error.type"), "RangeError");
      break;
    }
    await consumer.close(true);
  });
});
