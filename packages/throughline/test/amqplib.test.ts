// oxlint-disable typescript/no-misused-promises -- amqplib's callbacks return void by its types, and promises in use.
import { context, createContextKey, SpanKind, trace } from "@opentelemetry/api";
import {
  type Channel,
  type ChannelModel,
  type ConsumeMessage,
  type Message,
  type Options,
  connect,
} from "amqplib";
import type { Channel as CallbackChannel } from "amqplib/callback_api";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { deadLetterOf, processMessage, traced, withRetries } from "throughline/amqplib";
import { connectWithCallbacks } from "./amqplib-callbacks.ts";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";

// What is particular to amqplib, on a real RabbitMQ.

const url = process.env["AMQP_URL"];
const skip = url === undefined && "no RabbitMQ: set AMQP_URL, or apt-get install rabbitmq-server";

let observed: Tracing;
beforeEach(() => void (observed = tracing()));
afterEach(() => observed.shutdown());

const named = (name: string): FinishedSpan[] =>
  observed.spans().filter((span) => span.name === name);

describe("amqplib", { skip }, () => {
  let connection: ChannelModel;
  let channel: Channel;
  before(async () => {
    connection = traced(await connect(url ?? ""));
    channel = await connection.createChannel();
  });
  after(() => connection?.close());

  async function queue(options: Options.AssertQueue = {}): Promise<string> {
    const name = `amqplib-${randomUUID()}`;
    await channel.assertQueue(name, { durable: false, ...options });
    return name;
  }

  /** Consumes on a channel of its own; resolves with the first message once it is acked. */
  async function received(from: string): Promise<ConsumeMessage> {
    const own = await connection.createChannel();
    await own.prefetch(1);
    const message = await new Promise<ConsumeMessage>((resolve) => {
      let first = true;
      void own.consume(from, async (given) => {
        if (given === null || !first) return;
        first = false;
        own.ack(given);
        resolve(given);
      });
    });
    await own.close();
    return message;
  }

  test("a message is sent to exchange and key, and delivered from exchange, key and queue", async () => {
    const [exchange, orders] = [`amqplib-${randomUUID()}`, await queue()];
    await channel.assertExchange(exchange, "topic", { autoDelete: true });
    await channel.bindQueue(orders, exchange, "order.*");
    channel.publish(exchange, "order.placed", Buffer.from("1"), {
      messageId: "id-1",
      correlationId: "talk-1",
    });
    const { fields } = await received(orders);
    const [sent] = named(`send ${exchange}:order.placed`);
    const [handled] = named(`process ${exchange}:order.placed:${orders}`);
    assert.equal(sent?.kind, SpanKind.PRODUCER);
    assert.equal(sent?.attributes["messaging.destination.name"], `${exchange}:order.placed`);
    assert.equal(sent?.attributes["messaging.message.id"], "id-1");
    assert.equal(sent?.attributes["messaging.message.conversation_id"], "talk-1");
    assert.equal(handled?.attributes["messaging.system"], "rabbitmq");
    assert.equal(handled?.attributes["messaging.rabbitmq.destination.routing_key"], "order.placed");
    assert.equal(
      handled?.attributes["messaging.rabbitmq.message.delivery_tag"],
      fields.deliveryTag,
    );
    assert.equal(handled?.parentSpanContext?.spanId, sent?.spanContext().spanId);
  });

  test("by the default exchange a destination is the queue's name alone, on both sides", async () => {
    const orders = await queue();
    channel.sendToQueue(orders, Buffer.from("1"));
    await received(orders);
    assert.deepEqual([named(`send ${orders}`).length, named(`process ${orders}`).length], [1, 1]);
  });

  test("a broker that cancels a consumer tells it so with null, and that is no message", async () => {
    const orders = await queue();
    const own = await connection.createChannel();
    const cancelled = new Promise<unknown>((resolve) => {
      void own.consume(orders, (message) => resolve([message, trace.getActiveSpan()]));
    });
    await channel.deleteQueue(orders);
    assert.deepEqual(await cancelled, [null, undefined]);
    const retried = await queue();
    const told = new Promise<unknown>((resolve) => {
      const handler = async (message: ConsumeMessage | null): Promise<void> => resolve(message);
      void own.consume(retried, withRetries(handler, {}));
    });
    await channel.deleteQueue(retried);
    assert.equal(await told, null);
    await own.close();
    assert.deepEqual(observed.spans(), []);
  });

  test("one options object for many messages is not written to, and each has a context of its own", async () => {
    const orders = await queue();
    const options = Object.freeze({ headers: Object.freeze({ tenant: "a" }), type: "order" });
    for (const _ of [1, 2]) channel.sendToQueue(orders, Buffer.from("1"), options);
    const messages = [await received(orders), await received(orders)];
    const carried = messages.map(({ properties }) => properties.headers?.["traceparent"]);
    assert.equal(new Set(carried).size, 2);
    assert.deepEqual(
      messages.map(({ properties: { headers, type } }) => [headers?.["tenant"], type]),
      [
        ["a", "order"],
        ["a", "order"],
      ],
    );
  });

  test("headers that are inherited go out as amqplib sends them, a Map's do not, and options may be an instance", async () => {
    class Sent {
      readonly #type = "order";
      headers: object;
      constructor(headers: object) {
        this.headers = headers;
      }
      get type(): string {
        return this.#type;
      }
    }
    const orders = await queue();
    const inherited: object = Object.create({ tenant: "a" }, {});
    for (const headers of [inherited, new Map([["tenant", "b"]])]) {
      channel.sendToQueue(orders, Buffer.from("1"), new Sent(headers));
      const { properties } = await received(orders);
      const { traceparent, ...rest } = properties.headers ?? {};
      assert.match(String(traceparent), /^00-/);
      assert.deepEqual(rest, headers === inherited ? { tenant: "a" } : {});
      assert.equal(properties.type, "order");
    }
  });

  test("a message that brings no headers at all is handled in a trace of its own", async () => {
    const bare = await connect(url ?? "");
    const orders = await queue();
    const sender = await bare.createChannel();
    sender.sendToQueue(orders, Buffer.from("1"));
    await received(orders);
    await bare.close();
    assert.equal(named(`process ${orders}`)[0]?.parentSpanContext, undefined);
  });

  test("a confirm ends the send, and calls back with the same arguments in the sender's context", async () => {
    const orders = await queue();
    const confirms = await connection.createConfirmChannel();
    const key = createContextKey("own");
    const answer = await new Promise<unknown[]>((resolve) => {
      context.with(context.active().setValue(key, "mine"), () => {
        const sent = confirms.sendToQueue(orders, Buffer.from("1"), {}, (...args: unknown[]) =>
          resolve([args, context.active().getValue(key)]),
        );
        assert.equal(sent, true);
        assert.equal(named(`send ${orders}`).length, 0, "ended before it was confirmed");
      });
    });
    assert.deepEqual(answer, [[null], "mine"]);
    assert.equal(named(`send ${orders}`).length, 1);
    confirms.publish("", orders, Buffer.from("2"));
    await confirms.waitForConfirms();
    assert.equal(named(`send ${orders}`).length, 2);
    await confirms.close();
  });

  test("a message that the broker does not take makes its send an error, also where nobody asked", async () => {
    const full = await queue({ maxLength: 1, arguments: { "x-overflow": "reject-publish" } });
    const confirms = await connection.createConfirmChannel();
    confirms.sendToQueue(full, Buffer.from("1"));
    await confirms.waitForConfirms();
    confirms.sendToQueue(full, Buffer.from("2"));
    await assert.rejects(confirms.waitForConfirms(), /message nacked/);
    assert.deepEqual(
      named(`send ${full}`).map(({ status }) => [status.code, status.message]),
      [
        [0, undefined],
        [2, "message nacked"],
      ],
    );
    await confirms.close();
  });

  test("a send on a closed channel throws amqplib's own error, and is an error", async () => {
    const own = await connection.createChannel();
    await own.close();
    assert.throws(() => own.sendToQueue("orders", Buffer.from("1")), {
      name: "IllegalOperationError",
      message: "Channel closed",
    });
    assert.equal(named("send orders")[0]?.attributes["error.type"], "IllegalOperationError");
  });

  test("a rejected message comes out of the dead-letter exchange in its trace, with its x-death", async () => {
    const letters = await queue();
    const orders = await queue({ deadLetterExchange: "", deadLetterRoutingKey: letters });
    const own = await connection.createChannel();
    await own.consume(orders, (message) => message && own.reject(message, false));
    channel.sendToQueue(orders, Buffer.from("1"));
    const letter = await received(letters);
    await own.close();
    assert.deepEqual(deadLetterOf(letter), {
      convention: "rabbitmq",
      destination: orders,
      errorType: "rejected",
      attempts: 1,
    });
    const [sent] = named(`send ${orders}`);
    const [refused] = named(`process ${orders}`);
    const [repaired] = named(`process ${letters}`);
    assert.equal(refused?.attributes["error.type"], "rejected");
    assert.equal(repaired?.parentSpanContext?.spanId, sent?.spanContext().spanId);
  });

  test("ack up to a message, ackAll and nackAll end just what the broker takes back or gives again", async () => {
    const orders = await queue();
    const own = await connection.createChannel();
    const messages: ConsumeMessage[] = [];
    let arrived: (() => void) | undefined;
    await own.consume(orders, (message) => {
      if (message !== null) messages.push(message);
      arrived?.();
    });
    const delivered = async (count: number): Promise<void> => {
      while (messages.length < count) await new Promise<void>((resolve) => (arrived = resolve));
    };
    const ended = (): unknown[] =>
      named(`process ${orders}`).map(({ attributes }) => attributes["error.type"]);
    for (const text of ["1", "2", "3"]) channel.sendToQueue(orders, Buffer.from(text));
    await delivered(3);
    own.ack(messages[1] as Message, true);
    assert.deepEqual(ended(), [undefined, undefined]);
    own.nackAll();
    assert.deepEqual(ended().slice(2), ["requeued"]);
    await delivered(4);
    assert.equal(messages[3]?.fields.redelivered, true);
    assert.equal(messages[3]?.content.toString(), "3");
    own.ackAll();
    assert.deepEqual(ended().slice(3), [undefined]);
    await own.close();
    assert.deepEqual(observed.open(), []);
    assert.equal((await channel.checkQueue(orders)).messageCount, 0);
  });

  test("a message that was got is settled in the span that handles it", async () => {
    const orders = await queue();
    channel.sendToQueue(orders, Buffer.from("1"));
    await channel.checkQueue(orders);
    const message = await channel.get(orders);
    if (message === false) return assert.fail("no message");
    processMessage(message, () => channel.ack(message));
    const [handled] = named(`process ${orders}`);
    const [settled] = named(`ack ${orders}`);
    assert.equal(settled?.parentSpanContext?.spanId, handled?.spanContext().spanId);
  });

  test("what get gives by a callback is handled in its trace, and the callback API gives the traced channel back", async (t) => {
    const callbacks = traced(await connectWithCallbacks(url ?? ""));
    t.after(() => new Promise<void>((resolve) => callbacks.close(() => resolve())));
    const orders = await queue();
    const { made, given } = await new Promise<{ made: CallbackChannel; given: unknown }>(
      (resolve) => {
        const created = callbacks.createChannel((_error, told) =>
          resolve({ made: created, given: told }),
        );
      },
    );
    channel.sendToQueue(orders, Buffer.from("1"));
    // Answered on the same channel, and so when the queue has the message.
    await channel.checkQueue(orders);
    const answered = new Promise<Message | false>((resolve) => {
      const gave: unknown = made.get(orders, { noAck: true }, (_error, message) =>
        resolve(message),
      );
      assert.ok(gave === made, "the bare channel");
    });
    const message = await answered;
    assert.ok(given === made, "another channel than the one that was made");
    if (message === false) return assert.fail("no message");
    processMessage(message, () => trace.getTracer("own").startSpan("handled").end());
    const [handled] = named("handled");
    const [sent] = named(`send ${orders}`);
    assert.equal(handled?.spanContext().traceId, sent?.spanContext().traceId);
  });
});

/** A channel that takes whatever it is given. */
class StubChannel extends EventEmitter {
  readonly calls: unknown[][] = [];
  answer = true;
  publish(...args: unknown[]): boolean {
    this.calls.push(args);
    return this.answer;
  }
  sendToQueue(...args: unknown[]): boolean {
    return this.publish("", ...args);
  }
  handler: ((message: Message) => void) | undefined;
  async consume(_queue: string, handler: (message: Message) => void): Promise<void> {
    this.handler = handler;
  }
  ack(): void {}
}

test("what publish says of its buffer is handed on", () => {
  const stub = new StubChannel();
  const channel = traced(stub as unknown as Channel);
  stub.answer = false;
  assert.equal(channel.publish("orders", "new", Buffer.from("1")), false);
  assert.equal(channel.sendToQueue("orders", Buffer.from("1")), false);
});

test("what amqplib would refuse is given to it as it is", () => {
  const stub = new StubChannel();
  const channel = traced(stub as unknown as Channel);
  for (const args of [
    [1, "key", "content"],
    ["exchange", undefined, "content"],
    ["exchange", "key", "content", "options"],
    ["exchange", "key", "content", { headers: "text" }],
  ]) {
    Reflect.apply(channel.publish, channel, args);
    assert.deepEqual(stub.calls.at(-1), args);
  }
  assert.deepEqual(observed.spans(), []);
});

test("a channel that OpenTelemetry's instrumentation has wrapped is left its sends and settlements", () => {
  const stub = new StubChannel();
  stub.publish = Object.assign(stub.publish.bind(stub), { __wrapped: true, __original: () => {} });
  const channel = traced(stub as unknown as Channel);
  channel.publish("orders", "new", Buffer.from("1"));
  void channel.consume("orders", (message) => message && channel.ack(message));
  const fields = { exchange: "", routingKey: "orders", deliveryTag: 1 };
  stub.handler?.({ fields, properties: {}, content: Buffer.from("1") } as unknown as Message);
  assert.deepEqual(observed.spans(), []);
});

test("what is neither a connection nor a channel is refused", () => {
  for (const client of [null, {}, "amqp://", new EventEmitter()]) {
    assert.throws(() => traced(client as unknown as Channel), {
      name: "TypeError",
      message: /takes a connection or a channel of amqplib, got/,
    });
  }
});
