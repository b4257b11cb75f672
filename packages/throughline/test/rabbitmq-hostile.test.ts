import { connect, type Channel, type ConsumeMessage } from "amqplib";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import * as fc from "fast-check";
import * as amqplib from "throughline/amqplib";
import * as rabbitmqClient from "throughline/rabbitmq-client";
import { anyHeaders } from "./any-headers.ts";
import { type Tracing, tracing } from "./sdk.ts";

// What a queue may hold that nobody of ours wrote.

const url = process.env["AMQP_URL"];
const skip = url === undefined && "no RabbitMQ: set AMQP_URL, or apt-get install rabbitmq-server";

let observed: Tracing;
before(() => void (observed = tracing()));
after(() => observed.shutdown());

const traceparent = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
const name = fc.oneof(
  fc.constantFrom("traceparent", "tracestate", "baggage", "x-death", "x-first-death-queue"),
  fc.constantFrom("dlq.origin.destination", "dlq.failed", "__proto__", "constructor"),
  fc.string({ maxLength: 20 }),
);
const text = fc.oneof(
  fc.constant(traceparent),
  fc.string({ maxLength: 40 }),
  // As a client decodes bytes that are no UTF-8.
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString()),
  fc.constantFrom("a".repeat(70_000), `${traceparent},${traceparent}`),
);

/** What the two clients make of an AMQP table's values: tables, arrays, bytes, numbers, times. */
const { value } = fc.letrec<{ value: unknown; table: object }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc.oneof(fc.boolean(), fc.integer(), fc.double({ noNaN: true }), fc.constant(null)),
    fc
      .date({ min: new Date(0), noInvalidDate: true })
      .map((date) => ({ "!": "timestamp", value: +date })),
    fc.array(tie("value"), { maxLength: 4 }),
    tie("table"),
  ),
  table: fc.dictionary(name, tie("value"), { maxKeys: 5 }),
}));
const death = fc.oneof(
  value,
  fc.record(
    { queue: value, reason: value, count: fc.oneof(value, fc.bigInt()), exchange: value },
    { requiredKeys: [] },
  ),
);
const headers = fc.oneof(
  anyHeaders,
  fc.dictionary(name, value, { maxKeys: 6 }),
  fc
    .record({ "x-death": fc.oneof(fc.array(death, { maxLength: 3 }), value), more: value })
    .map((table): object => ({ ...table, traceparent })),
);

/** Everything there is to see of a value, so that a change to it is seen as well. */
const seen = (of: unknown): string =>
  inspect(of, { depth: Infinity, showHidden: true, customInspect: false });

/** The same, of what two clients have decoded into memory of their own. */
const told = (of: unknown): string => inspect(of, { depth: Infinity, customInspect: false });

/** As much of amqplib's channel as hands over messages. */
class StubChannel extends EventEmitter {
  handler: ((message: unknown) => unknown) | undefined;
  readonly acked: unknown[] = [];
  publish(): boolean {
    return true;
  }
  consume(_queue: string, handler: (message: unknown) => unknown): void {
    this.handler = handler;
  }
  ack(message: unknown): void {
    this.acked.push(message);
  }
}

test("whatever an amqplib message holds, its handler is called with it, settles it and is answered as without us, and it is not written to", () => {
  const message = fc.record({
    content: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    fields: fc.record({
      deliveryTag: fc.integer({ min: 1 }),
      redelivered: fc.boolean(),
      exchange: fc.oneof(fc.string(), fc.anything()),
      routingKey: fc.oneof(fc.string(), fc.anything()),
    }),
    properties: fc.oneof(
      fc.record({ headers, messageId: fc.anything(), timestamp: fc.anything() }),
      fc.object(),
    ),
  });
  fc.assert(
    fc.property(message, (given) => {
      const asItWas = seen(given);
      const bare = new StubChannel();
      const channel = amqplib.traced(bare as unknown as Channel) as unknown as StubChannel;
      const calls: unknown[] = [];
      channel.consume("orders", (received) => {
        calls.push(received);
        channel.ack(received);
        return "handled";
      });
      assert.equal(bare.handler?.(given), "handled");
      assert.ok(calls.length === 1 && calls[0] === given, "another message, or not one call");
      assert.ok(bare.acked.length === 1 && bare.acked[0] === given);
      assert.equal(seen(given), asItWas);
      amqplib.contextOf(given);
      amqplib.deadLetterOf(given);
      const letter = amqplib.deadLetter(given as unknown as ConsumeMessage, new Error("no funds"));
      assert.equal(letter.content, given.content);
      assert.equal(amqplib.deadLetterOf({ properties: letter })?.errorMessage, "no funds");
      assert.equal(
        amqplib.processBatch([given], () => "handled"),
        "handled",
      );
      assert.equal(seen(given), asItWas);
    }),
    { numRuns: 300 },
  );
  assert.equal(observed.open().length, 0);
  observed.reset();
});

test("whatever a message of rabbitmq-client holds, its handler is called with it, its dead letter made, and it is not written to", () => {
  const message = fc.record(
    {
      body: fc.anything(),
      headers,
      exchange: fc.anything(),
      routingKey: fc.anything(),
      deliveryTag: fc.anything(),
      timestamp: fc.anything(),
      messageId: fc.anything(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(message, (given) => {
      const asItWas = seen(given);
      const delivery = { system: "rabbitmq", destination: "orders" };
      const handled = rabbitmqClient.processMessage(
        given,
        (received) => [received === given, "handled"],
        delivery,
      );
      assert.deepEqual(handled, [true, "handled"]);
      rabbitmqClient.contextOf(given);
      rabbitmqClient.deadLetterOf(given);
      const letter = rabbitmqClient.deadLetter(given as never, new Error("no funds"));
      assert.equal(rabbitmqClient.deadLetterOf(letter)?.errorMessage, "no funds");
      assert.equal(seen(given), asItWas);
    }),
    { numRuns: 300 },
  );
  assert.equal(observed.open().length, 0);
  observed.reset();
});

test(
  "whatever table a real RabbitMQ hands over, a traced consumer is given what a bare one is",
  { skip, timeout: 60_000 },
  async () => {
    const [bare, traced] = [await connect(url ?? ""), amqplib.traced(await connect(url ?? ""))];
    try {
      const [plain, ours] = [await bare.createChannel(), await traced.createChannel()];
      const queues = [`hostile-${randomUUID()}`, `hostile-${randomUUID()}`] as const;
      for (const queue of queues) await plain.assertQueue(queue, { exclusive: false });
      // A frame takes 128 KiB at most, and a name 255 bytes.
      const small = fc
        .dictionary(name, value, { maxKeys: 5 })
        .filter((table) => JSON.stringify(table).length < 10_000);
      await fc.assert(
        fc.asyncProperty(small, async (table) => {
          const outcomes = [];
          for (const [queue, channel] of [
            [queues[0], plain],
            [queues[1], ours],
          ] as const) {
            try {
              plain.sendToQueue(queue, Buffer.from("1"), { headers: table });
            } catch {
              fc.pre(false); // No AMQP table: amqplib refuses it.
            }
            // What was sent before on this channel is in its queue when this is answered.
            await plain.checkQueue(queue);
            const message = await channel.get(queue, { noAck: true });
            assert.ok(message !== false, "nothing arrived");
            const headersSeen = seen(message.properties.headers);
            assert.equal(
              amqplib.processMessage(message, () => 1),
              1,
            );
            assert.equal(seen(message.properties.headers), headersSeen);
            outcomes.push(message.properties.headers);
          }
          assert.equal(told(outcomes[1]), told(outcomes[0]));
        }),
        { numRuns: 100 },
      );
      for (const queue of queues) await plain.deleteQueue(queue);
    } finally {
      await Promise.all([bare.close(), traced.close()]);
    }
  },
);
