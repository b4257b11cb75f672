import { connect } from "amqplib";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Connection } from "rabbitmq-client";
import * as amqplib from "throughline/amqplib";
import * as rabbitmqClient from "throughline/rabbitmq-client";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";

// A dead letter that is sent back to where its message failed: to the queue itself, or to the
// exchange and key that the message came by.

const url = process.env["AMQP_URL"];
const skip = url === undefined && "no RabbitMQ: set AMQP_URL, or apt-get install rabbitmq-server";

let observed: Tracing;
beforeEach(() => void (observed = tracing()));
afterEach(() => observed.shutdown());

/** An order's way through a topic exchange, and the queue of letters beside it. */
interface Places {
  readonly exchange: string;
  readonly orders: string;
  readonly letters: string;
}

/** Where a letter is sent. */
interface To {
  readonly exchange: string;
  readonly routingKey: string;
}

/** What a client's application does, in that client's own calls. */
interface Application {
  declare(places: Places): Promise<void>;
  publish(to: To, body: string, headers?: object): Promise<void>;
  /** Sends in a message's place what the subpath's deadLetter makes of it. */
  park(message: object, to: To): Promise<void>;
  /** Takes one message, acknowledged already, and handles it. */
  handleOne(queue: string, handler: (message: object) => Promise<void>): Promise<void>;
  /** Refuses one message, for good. */
  refuseOne(queue: string): Promise<void>;
  headersOf(message: object): object;
  close(): Promise<void>;
}

const ROUTING_KEY = "order.created";
const declined = Object.assign(new Error("no funds"), { name: "CardDeclined" });

const clients: Record<string, () => Promise<Application>> = {
  async amqplib() {
    const connection = amqplib.traced(await connect(url ?? ""));
    const channel = await connection.createConfirmChannel();
    type Got = Exclude<Awaited<ReturnType<typeof channel.get>>, false>;
    const got = async (queue: string, noAck: boolean): Promise<Got> => {
      const message = await channel.get(queue, { noAck });
      assert.ok(message !== false, `nothing in ${queue}`);
      return message;
    };
    const publish = async ({ exchange, routingKey }: To, content: Buffer, options: object) => {
      channel.publish(exchange, routingKey, content, options);
      await channel.waitForConfirms();
    };
    return {
      async declare({ exchange, orders, letters }) {
        await channel.assertExchange(exchange, "topic", { durable: false, autoDelete: true });
        await channel.assertQueue(letters, { durable: false });
        const to = { deadLetterExchange: "", deadLetterRoutingKey: letters };
        await channel.assertQueue(orders, { durable: false, ...to });
        await channel.bindQueue(orders, exchange, ROUTING_KEY);
      },
      publish: (to, body, headers) =>
        publish(to, Buffer.from(body), headers === undefined ? {} : { headers }),
      park(message, to) {
        const letter = amqplib.deadLetter(message as Got, declined);
        return publish(to, letter.content, letter);
      },
      async handleOne(queue, handler) {
        await amqplib.processMessage(await got(queue, true), handler);
      },
      async refuseOne(queue) {
        channel.reject(await got(queue, false), false);
      },
      headersOf: (message) => (message as Got).properties.headers ?? {},
      close: () => connection.close(),
    };
  },
  async "rabbitmq-client"() {
    const connection = rabbitmqClient.traced(new Connection(url));
    const publisher = connection.createPublisher({ confirm: true });
    const channel = await connection.acquire();
    type Got = NonNullable<Awaited<ReturnType<typeof channel.basicGet>>>;
    const got = async (queue: string, noAck: boolean): Promise<Got> => {
      const message = await channel.basicGet({ queue, noAck });
      assert.ok(message !== undefined, `nothing in ${queue}`);
      return message;
    };
    return {
      async declare({ exchange, orders, letters }) {
        await channel.exchangeDeclare({ exchange, type: "topic", autoDelete: true });
        await channel.queueDeclare({ queue: letters });
        const to = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": letters };
        await channel.queueDeclare({ queue: orders, arguments: to });
        await channel.queueBind({ queue: orders, exchange, routingKey: ROUTING_KEY });
      },
      publish: (to, body, headers) =>
        publisher.send({ ...to, ...(headers !== undefined && { headers: { ...headers } }) }, body),
      async park(message, to) {
        const letter = rabbitmqClient.deadLetter(message, declined);
        await publisher.send(Object.assign(letter, to), letter.body);
      },
      async handleOne(queue, handler) {
        await rabbitmqClient.processMessage(await got(queue, true), handler);
      },
      async refuseOne(queue) {
        const { deliveryTag } = await got(queue, false);
        channel.basicNack({ deliveryTag, requeue: false });
        // What comes after it on this channel comes after it in the broker, too.
        await channel.queueDeclare({ queue, passive: true });
      },
      headersOf: (message) => (message as Got).headers ?? {},
      async close() {
        await publisher.close();
        await channel.close();
        await connection.close();
      },
    };
  },
};

const named = (name: string): FinishedSpan[] =>
  observed.spans().filter((span) => span.name === name);
const linked = ({ links }: FinishedSpan): string[] => links.map(({ context }) => context.spanId);
const idOf = (span: FinishedSpan | undefined): string | undefined => span?.spanContext().spanId;
const traceOf = (span: FinishedSpan | undefined): string | undefined => span?.spanContext().traceId;

for (const [name, open] of Object.entries(clients)) {
  describe(`${name}: a dead letter that is sent back`, { skip }, () => {
    async function inPlaces(work: (of: Application, places: Places) => Promise<void>) {
      const id = randomUUID();
      const places = { exchange: `x-${id}`, orders: `orders-${id}`, letters: `letters-${id}` };
      const application = await open();
      try {
        await application.declare(places);
        await application.publish({ exchange: places.exchange, routingKey: ROUTING_KEY }, "1");
        await work(application, places);
      } finally {
        await application.close();
      }
    }
    const toLetters = ({ letters }: Places): To => ({ exchange: "", routingKey: letters });

    for (const way of ["to its queue", "through its exchange"] as const) {
      test(`${way} starts a new trace, linked to the attempt that failed`, () =>
        inPlaces(async (application, places) => {
          const { exchange, orders, letters } = places;
          await application.handleOne(orders, (message) =>
            application.park(message, toLetters(places)),
          );
          const back =
            way === "to its queue"
              ? { exchange: "", routingKey: orders }
              : { exchange, routingKey: ROUTING_KEY };
          await application.handleOne(letters, (message) =>
            application.publish(back, "1", application.headersOf(message)),
          );
          let again = 0;
          await application.handleOne(orders, async () => void again++);
          assert.equal(again, 1);
          const [failed] = named(`process ${exchange}:${ROUTING_KEY}:${orders}`);
          const replay = observed
            .spans()
            .findLast((span) => span.name.startsWith("send ") && !span.name.includes(letters));
          assert.equal(replay?.parentSpanContext, undefined);
          assert.notEqual(traceOf(replay), traceOf(failed));
          assert.ok(replay && linked(replay).includes(idOf(failed) ?? ""), "not linked to it");
          const handled = observed.spans().findLast((span) => span.name.startsWith("process "));
          assert.equal(handled?.parentSpanContext?.spanId, idOf(replay));
        }));
    }

    test("to anywhere else stays in its record's trace", () =>
      inPlaces(async (application, places) => {
        const { orders, letters, exchange } = places;
        await application.handleOne(orders, (message) =>
          application.park(message, toLetters(places)),
        );
        // Neither the queue nor the exchange and key, though each of these stands in its name.
        const elsewhere = { exchange, routingKey: "order" };
        await application.handleOne(letters, (message) =>
          application.publish(elsewhere, "1", application.headersOf(message)),
        );
        const [sent] = named(`send ${exchange}:order`);
        const [repair] = named(`process ${letters}`);
        assert.equal(sent?.parentSpanContext?.spanId, idOf(repair));
        assert.equal(traceOf(sent), traceOf(named(`send ${exchange}:${ROUTING_KEY}`)[0]));
      }));

    test("by the broker's own means names no attempt: it stays in its record's trace", () =>
      inPlaces(async (application, { orders, letters, exchange }) => {
        await application.refuseOne(orders);
        await application.handleOne(letters, (message) => {
          assert.ok("x-death" in application.headersOf(message));
          const back = { exchange, routingKey: ROUTING_KEY };
          return application.publish(back, "1", application.headersOf(message));
        });
        const [first, again] = named(`send ${exchange}:${ROUTING_KEY}`);
        const [repair] = named(`process ${letters}`);
        assert.equal(again?.parentSpanContext?.spanId, idOf(repair));
        assert.equal(traceOf(again), traceOf(first));
      }));
  });
}
