import { trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import {
  type AsyncMessage,
  Connection,
  type Consumer,
  type ConsumerHandler,
  ConsumerStatus,
  type Envelope,
  type Publisher,
} from "rabbitmq-client";
import { deadLetterOf, traced, withRetries } from "throughline/rabbitmq-client";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";

// What is particular to rabbitmq-client, on a real RabbitMQ.

const url = process.env["AMQP_URL"];
const skip = url === undefined && "no RabbitMQ: set AMQP_URL, or apt-get install rabbitmq-server";

let observed: Tracing;
beforeEach(() => void (observed = tracing()));
afterEach(() => observed.shutdown());

const named = (name: string): FinishedSpan[] =>
  observed.spans().filter((span) => span.name === name);
const mark = (name: string): void => trace.getTracer("own").startSpan(name).end();

describe("rabbitmq-client", { skip }, () => {
  let connection: Connection;
  let publisher: Publisher;
  before(() => {
    connection = traced(new Connection(url));
    connection.on("error", () => {});
    publisher = connection.createPublisher({ confirm: true });
  });
  after(async () => {
    await publisher?.close();
    await connection?.close();
  });

  async function consumed(queue: string, handler: ConsumerHandler): Promise<Consumer> {
    const consumer = connection.createConsumer(
      { queue, queueOptions: { passive: true }, qos: { prefetchCount: 1 } },
      handler,
    );
    consumer.on("error", () => {});
    await once(consumer, "ready");
    return consumer;
  }

  async function queue(options: Record<string, unknown> = {}): Promise<string> {
    const name = `rabbitmq-client-${randomUUID()}`;
    await connection.queueDeclare({ queue: name, ...options });
    return name;
  }

  test("a queue's name in place of an envelope carries context, and an envelope is not written to", async () => {
    const orders = await queue();
    const messages: AsyncMessage[] = [];
    const two = new Promise<void>((resolve) => {
      void consumed(orders, (message) => {
        messages.push(message);
        if (messages.length === 2) resolve();
      }).then((consumer) => two.then(() => consumer.close()));
    });
    const envelope: Envelope = Object.freeze({
      routingKey: orders,
      headers: Object.freeze({ tenant: "a" }),
    });
    await publisher.send(orders, "1");
    await publisher.send(envelope, "2");
    await two;
    const sent = named(`send ${orders}`).map((span) => span.spanContext().spanId);
    const carried = messages.map(({ headers }) => String(headers?.["traceparent"]).split("-")[2]);
    assert.deepEqual(carried, sent);
    assert.equal(messages[1]?.headers?.["tenant"], "a");
  });

  test("headers in a Map go out as a table, with the context among them", async () => {
    const orders = await queue();
    const headers = new Map([["tenant", "a"]]);
    await publisher.send({ routingKey: orders, headers } as unknown as Envelope, "1");
    const message = await connection.basicGet({ queue: orders, noAck: true });
    assert.equal(message?.headers?.["tenant"], "a");
    assert.match(String(message?.headers?.["traceparent"]), /^00-/);
    assert.deepEqual([...headers], [["tenant", "a"]]);
  });

  test("a handler that gives DROP or REQUEUE has failed, and the message goes where it says", async () => {
    const letters = await queue();
    const orders = await queue({
      arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": letters },
    });
    const statuses = [ConsumerStatus.REQUEUE, ConsumerStatus.DROP];
    const refusing = await consumed(orders, async () => statuses.shift());
    let letter: AsyncMessage | undefined;
    const parked = new Promise<void>((resolve) => {
      void consumed(letters, (message) => {
        letter = message;
        resolve();
      }).then((consumer) => parked.then(() => consumer.close()));
    });
    await publisher.send(orders, "1");
    await parked;
    await refusing.close();
    assert.deepEqual(
      named(`process ${orders}`).map(({ attributes }) => attributes["error.type"]),
      ["requeued", "rejected"],
    );
    assert.deepEqual([refusing.stats.requeued, refusing.stats.dropped], [1, 1]);
    assert.equal(deadLetterOf(letter ?? {})?.destination, orders);
    const traces = new Set(observed.spans().map((span) => span.spanContext().traceId));
    assert.equal(traces.size, 1);
  });

  test("a status that is given at once, not promised, is taken note of too", async () => {
    const orders = await queue();
    const refused = new Promise<void>((resolve) => {
      void consumed(orders, () => {
        resolve();
        return ConsumerStatus.DROP;
      }).then((consumer) => refused.then(() => consumer.close()));
    });
    await publisher.send(orders, "1");
    await refused;
    assert.equal(named(`process ${orders}`)[0]?.attributes["error.type"], "rejected");
  });

  test("a channel's basicAck of multiple and basicNack end just what the broker takes back or gives again", async (t) => {
    const orders = await queue();
    const channel = await connection.acquire();
    t.after(() => channel.active && channel.close());
    const messages: AsyncMessage[] = [];
    let arrived: (() => void) | undefined;
    await channel.basicConsume({ queue: orders }, (message) => {
      messages.push(message);
      arrived?.();
    });
    const delivered = async (count: number): Promise<void> => {
      while (messages.length < count) await new Promise<void>((resolve) => (arrived = resolve));
    };
    const tagOf = (at: number): number => messages[at]?.deliveryTag ?? 0;
    const errors = (): unknown[] =>
      named(`process ${orders}`).map(({ attributes }) => attributes["error.type"]);
    for (const text of ["1", "2", "3"]) await publisher.send(orders, text);
    await delivered(3);
    channel.basicAck({ deliveryTag: tagOf(1), multiple: true });
    assert.deepEqual(errors(), [undefined, undefined]);
    channel.basicNack({ deliveryTag: tagOf(2) });
    assert.deepEqual(errors().slice(2), ["requeued"]);
    await delivered(4);
    assert.deepEqual([messages[3]?.body, messages[3]?.redelivered], ["3", true]);
    channel.basicNack({ deliveryTag: tagOf(3), requeue: false });
    assert.deepEqual(errors().slice(3), ["rejected"]);
    await channel.close();
    assert.equal(await connection.basicGet(orders), undefined);
  });

  test("what a channel consumes without acknowledging has been handled when its handler returns", async (t) => {
    const orders = await queue();
    const channel = await connection.acquire();
    t.after(() => channel.active && channel.close());
    const handled = new Promise<void>((resolve) => {
      void channel.basicConsume({ queue: orders, noAck: true }, () => resolve());
    });
    await publisher.send(orders, "1");
    await handled;
    assert.equal(named(`process ${orders}`)[0]?.status.code, 0);
    await channel.close();
  });

  test("a request, its handling and its response are one trace", async () => {
    const prices = await queue();
    const server = await consumed(prices, async (_message, reply) => {
      mark("look up");
      await reply("42");
    });
    const client = connection.createRPCClient();
    assert.equal((await client.publish(prices, "by its other name")).body, "42");
    assert.equal(named(`send ${prices}`).length, 1);
    observed.reset();
    const response = await trace.getTracer("own").startActiveSpan("ask", async (span) => {
      const answer = await client.send(prices, "how much");
      span.end();
      return answer;
    });
    await server.close();
    await client.close();
    assert.equal(response.body, "42");
    const [ask] = named("ask");
    const [sent] = named(`send ${prices}`);
    const [replied] = named("send amq.rabbitmq.reply-to");
    assert.equal(sent?.parentSpanContext?.spanId, ask?.spanContext().spanId);
    assert.equal(named("look up")[0]?.spanContext().traceId, ask?.spanContext().traceId);
    assert.equal(
      String(response.headers?.["traceparent"]).split("-")[2],
      replied?.spanContext().spanId,
    );
    assert.equal(replied?.spanContext().traceId, ask?.spanContext().traceId);
  });

  test("a handler is called on its consumer, with whatever the client hands over, through withRetries too", async () => {
    const orders = await queue();
    const seen: unknown[] = [];
    const two = new Promise<void>((resolve) => {
      const handler = async function (this: unknown, ...args: unknown[]): Promise<void> {
        seen.push([this, args.length, typeof args[1]]);
        if (seen.length === 2) resolve();
      };
      const tried = withRetries(handler, {}) as ConsumerHandler;
      for (const each of [handler as ConsumerHandler, tried]) {
        void consumed(orders, each).then((consumer) => two.then(() => consumer.close()));
      }
    });
    for (const body of ["1", "2"]) await publisher.send(orders, body);
    await two;
    for (const [self, count, reply] of seen as [object, number, string][]) {
      assert.equal(self.constructor.name, "Consumer");
      assert.deepEqual([count, reply], [2, "function"]);
    }
  });

  test("a reply to what asks for none throws the client's own error", async () => {
    const orders = await queue();
    const thrown = new Promise<unknown>((resolve) => {
      void consumed(orders, (_message, reply) => {
        try {
          void reply("42");
        } catch (error) {
          resolve(error);
        }
      }).then((consumer) => thrown.then(() => consumer.close()));
    });
    await publisher.send(orders, "1");
    assert.match(String(await thrown), /attempted to reply to a non-RPC message/);
  });
});

test("what is no client of rabbitmq-client's is refused", () => {
  for (const client of [null, {}, "amqp://", new EventEmitter()]) {
    assert.throws(() => traced(client as unknown as Connection), {
      name: "TypeError",
      message: /takes a Connection, Channel, Publisher or RPCClient of rabbitmq-client, got/,
    });
  }
});
