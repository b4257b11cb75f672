import { connect, type Options } from "amqplib";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { inspect } from "node:util";
import * as fc from "fast-check";
import { Connection } from "rabbitmq-client";
import * as amqplib from "throughline/amqplib";
import * as rabbitmqClient from "throughline/rabbitmq-client";
import { BODY_FRAME, HEADER_FRAME, rewrittenFrames } from "./amqp-frames.ts";
import { tracing } from "./sdk.ts";
import { proxyTo } from "./tcp-proxy.ts";

// What a real RabbitMQ delivers, with the bytes of a message's content changed on the way: flipped,
// cut off, or a table that no client writes. A client decodes it, or fails in its own way; ours
// does the same.

const url = process.env["AMQP_URL"];
const skip = url === undefined && "no RabbitMQ: set AMQP_URL, or apt-get install rabbitmq-server";

const RUNS = 30;
/** Sent after the message that is changed: whatever became of that, this one or an error comes. */
const LAST = "last";
/** Class, weight and the body's length stand before the properties of a content header. */
const BEFORE_PROPERTIES = 12;
const HEADERS_ALONE = 0x2000;

type Change = (payload: Buffer) => Buffer;
interface Changed {
  readonly header: Change;
  readonly body: Change;
}

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const byte = fc.integer({ min: 0, max: 255 });
const flipped = fc
  .array(fc.tuple(place, byte), { minLength: 1, maxLength: 4 })
  .map((flips): Change => (payload) => {
    const bytes = Buffer.from(payload);
    const length = bytes.length - BEFORE_PROPERTIES;
    for (const [at, value] of flips) bytes[BEFORE_PROPERTIES + Math.floor(at * length)] = value;
    return bytes;
  });
const cutOff = place.map(
  (at): Change =>
    (payload) =>
      payload.subarray(0, Math.floor(at * payload.length)),
);
const anyLength = fc.bigInt({ min: 0n, max: 20n }).map((length): Change => (payload) => {
  const bytes = Buffer.from(payload);
  bytes.writeBigUInt64BE(length, 4);
  return bytes;
});
const anyProperties = fc.uint8Array({ minLength: 2, maxLength: 60 }).map(
  (properties): Change =>
    (payload) =>
      Buffer.concat([payload.subarray(0, BEFORE_PROPERTIES), properties]),
);

/** A number of so many bytes after its type's letter. */
const fixed = (letter: string, length: number): fc.Arbitrary<Buffer> =>
  fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((bytes) => Buffer.concat([Buffer.from(letter), bytes]));
const long = (letter: string, bytes: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([Buffer.from(letter), length, bytes]);
};
const raw = fc.uint8Array({ maxLength: 30 });
const name = fc
  .oneof(
    fc.constant("traceparent"),
    fc.constantFrom("tracestate", "baggage", "x-death", "dlq.failed", "__proto__"),
    raw,
  )
  .map((text) => {
    const bytes = Buffer.from(text as string);
    return Buffer.concat([Buffer.of(bytes.length), bytes]);
  });
const traceparent = Buffer.from(`00-${"1".repeat(32)}-${"2".repeat(16)}-01`);
/** Every type that the protocol and RabbitMQ's own extension of it know. */
const { table } = fc.letrec<{ value: Buffer; table: Uint8Array }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(long("S", traceparent)),
    raw.map((bytes) => long("S", bytes)),
    raw.map((bytes) => long("x", bytes)),
    fc.oneof(...["t", "b", "B"].map((letter) => fixed(letter, 1)), fixed("V", 0)),
    fc.oneof(...["s", "u"].map((letter) => fixed(letter, 2))),
    fc.oneof(...["I", "i", "f"].map((letter) => fixed(letter, 4))),
    fc.oneof(...["l", "d", "T"].map((letter) => fixed(letter, 8)), fixed("D", 5)),
    fc.array(tie("value"), { maxLength: 3 }).map((values) => long("A", Buffer.concat(values))),
    tie("table").map((inner) => long("F", inner)),
  ),
  table: fc
    .array(fc.tuple(name, tie("value")), { maxLength: 5 })
    .map((fields) => Buffer.concat(fields.flat())),
}));
const anyTable = table.map((fields): Change => (payload) => {
  const flags = Buffer.alloc(2);
  flags.writeUInt16BE(HEADERS_ALONE);
  // A table is its length and its fields; only as a field's value it has a letter before.
  const properties = long("F", fields).subarray(1);
  return Buffer.concat([payload.subarray(0, BEFORE_PROPERTIES), flags, properties]);
});
const asItIs: Change = (payload) => payload;
const changed: fc.Arbitrary<Changed> = fc.record({
  header: fc.oneof(
    { weight: 4, arbitrary: flipped },
    { weight: 4, arbitrary: anyTable },
    cutOff,
    anyLength,
    anyProperties,
  ),
  body: fc.oneof({ weight: 4, arbitrary: fc.constant(asItIs) }, cutOff),
});

/** What a producer wrote before it was changed: something of everything. */
const options: Options.Publish = {
  messageId: "1",
  timestamp: 1,
  appId: "orders",
  contentType: "text/plain",
  headers: {
    traceparent: traceparent.toString(),
    tracestate: "a=b",
    baggage: "tenant=a",
    "x-death": [{ queue: "q", reason: "rejected", count: 1, exchange: "", "routing-keys": ["q"] }],
    bytes: Buffer.from([255, 0, 128]),
    when: { "!": "timestamp", value: 1 },
    numbers: [1, 1.5, 2 ** 40],
    flag: true,
    nothing: null,
  },
};

type Wrap = <Client extends object>(client: Client) => Client;
/** Consumes until the last message or an error, and tells everything that the application saw. */
type Consume = (wrap: Wrap, at: string, queue: string) => Promise<unknown[]>;

const told = (what: unknown): string => inspect(what, { depth: Infinity, customInspect: false });
/** amqplib gives a text in place of an error for some. */
const failure = (where: string, error: unknown): unknown => [where, String(error)];

const withAmqplib: Consume = async (wrap, at, queue) => {
  const seen: unknown[] = [];
  const connection = wrap(await connect(at));
  const closed = new Promise<void>((resolve) => void connection.once("close", () => resolve()));
  connection.on("error", (error: unknown) => seen.push(failure("connection", error)));
  const channel = await connection.createChannel();
  let finish = (): void => {};
  channel.on("error", (error: unknown) => {
    seen.push(failure("channel", error));
    finish();
  });
  const last = new Promise<void>((resolve) => (finish = resolve));
  const consuming = channel.consume(
    queue,
    (message) => {
      seen.push(told(message));
      if (String(message?.content) === LAST) finish();
    },
    { noAck: true, consumerTag: "c" },
  );
  // The client may fail over what comes with the answer.
  consuming.catch((error: unknown) => seen.push(failure("consume", error)));
  await Promise.race([last, closed]);
  await connection.close().catch(() => {});
  return seen;
};

const withRabbitmqClient: Consume = async (wrap, at, queue) => {
  const seen: unknown[] = [];
  // Not again in this test's time.
  const connection = wrap(new Connection({ url: at, retryLow: 600_000, retryHigh: 600_000 }));
  let finish = (): void => {};
  const over = new Promise<void>((resolve) => (finish = resolve));
  connection.on("error", (error: unknown) => {
    seen.push(failure("connection", error));
    finish();
  });
  const consumer = connection.createConsumer(
    { queue, queueOptions: { passive: true }, noAck: true, consumerTag: "c" },
    async (message) => {
      seen.push(told(message));
      if (String(message.body) === LAST) finish();
    },
  );
  consumer.on("error", (error: unknown) => {
    seen.push(failure("consumer", error));
    finish();
  });
  await over;
  await consumer.close();
  await connection.close();
  return seen;
};

for (const [client, consume, traced] of [
  ["amqplib", withAmqplib, amqplib.traced],
  ["rabbitmq-client", withRabbitmqClient, rabbitmqClient.traced],
] as const) {
  test(
    `${client}: whatever the bytes of a message's content are, the application is given what it is without us, error by error, and no span stays open`,
    { skip, timeout: 120_000 },
    async () => {
      const observed = tracing();
      let change: Changed | undefined;
      const through = new URL(url ?? "");
      const proxy = await proxyTo(through.host, () => {
        // The first message alone, and its header once.
        const pending = new Map([
          [HEADER_FRAME, change?.header],
          [BODY_FRAME, change?.body],
        ]);
        return rewrittenFrames((type, payload) => {
          const first = pending.get(type);
          pending.delete(type);
          return first?.(payload) ?? payload;
        });
      });
      through.host = proxy.host;
      const admin = await connect(url ?? "");
      const publisher = await admin.createConfirmChannel();
      const exchange = `wire-${randomUUID()}`;
      await publisher.assertExchange(exchange, "direct", { durable: false });
      let [failed, handled] = [0, 0];
      const outcome = async (wrap: Wrap): Promise<unknown[]> => {
        const queue = `wire-${randomUUID()}`;
        await publisher.assertQueue(queue, { durable: false });
        await publisher.bindQueue(queue, exchange, "orders");
        publisher.publish(exchange, "orders", Buffer.from("changed"), options);
        publisher.publish(exchange, "orders", Buffer.from(LAST), options);
        await publisher.waitForConfirms();
        const seen = await consume(wrap, through.href, queue);
        await publisher.deleteQueue(queue);
        return seen;
      };
      try {
        await fc.assert(
          fc.asyncProperty(changed, async (each) => {
            change = each;
            const without = await outcome((bare) => bare);
            const ours = await outcome(traced as Wrap);
            assert.deepEqual(ours, without);
            if (without.some((one) => Array.isArray(one))) failed += 1;
            else handled += 1;
          }),
          { numRuns: RUNS },
        );
        assert.ok(failed > 0 && handled > 0, `${failed} failed, ${handled} were handled`);
        assert.equal(observed.open().length, 0);
      } finally {
        await publisher.deleteExchange(exchange);
        await admin.close();
        await proxy.close();
        await observed.shutdown();
      }
    },
  );
}
