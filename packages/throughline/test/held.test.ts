// oxlint-disable typescript/no-misused-promises -- amqplib calls void what may well be a promise.
import { context, trace } from "@opentelemetry/api";
import type * as amqp from "amqplib";
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, test } from "node:test";
import { traced } from "throughline/amqplib";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";

// When a message that is settled by hand has been handled, step by step: over a channel that does
// nothing by itself, for what a broker does in between can't be held still.

let observed: Tracing;
beforeEach(() => void (observed = tracing()));
afterEach(() => observed.shutdown());

/** A channel whose deliveries the test makes; it takes every settlement, unless it is told not to. */
class StubChannel extends EventEmitter {
  refuses: Error | undefined;
  private handler: ((message: unknown) => unknown) | undefined;
  private tag = 0;

  async consume(_queue: string, handler: (message: unknown) => unknown): Promise<object> {
    this.handler = handler;
    return { consumerTag: "one" };
  }

  publish(): boolean {
    return true;
  }

  ack(): void {
    if (this.refuses !== undefined) throw this.refuses;
  }

  ackAll(): void {}
  nack(): void {}
  nackAll(): void {}
  reject(): void {}

  deliver(): { message: amqp.ConsumeMessage; result: unknown } {
    this.tag += 1;
    const fields = {
      deliveryTag: this.tag,
      exchange: "",
      routingKey: "orders",
      consumerTag: "one",
    };
    const message = { content: Buffer.from("1"), fields, properties: { headers: {} } };
    const result = this.handler?.(message);
    return { message: message as unknown as amqp.ConsumeMessage, result };
  }
}

function consuming(
  handler: (message: amqp.ConsumeMessage) => unknown,
  noAck = false,
): {
  stub: StubChannel;
  channel: amqp.Channel;
} {
  const stub = new StubChannel();
  const channel = traced(stub as unknown as amqp.Channel);
  void channel.consume("orders", handler as (message: amqp.ConsumeMessage | null) => void, {
    noAck,
  });
  return { stub, channel };
}

function ended(): FinishedSpan[] {
  return observed.spans().filter(({ name }) => name === "process orders");
}

const errors = (): (string | undefined)[] =>
  ended().map(({ attributes }) => attributes["error.type"] as string | undefined);

test("without a promise, a message has been handled when it is acked", () => {
  const { stub, channel } = consuming(() => {});
  const { message } = stub.deliver();
  assert.equal(ended().length, 0);
  channel.ack(message);
  assert.deepEqual(errors(), [undefined]);
});

test("a handler that acks first and works on has handled its message when it returns", () => {
  const during: number[] = [];
  const { stub, channel } = consuming((message) => {
    channel.ack(message);
    during.push(ended().length);
  });
  stub.deliver();
  assert.deepEqual([during, errors()], [[0], [undefined]]);
});

test("a handler that throws has handled its message, with that error, and an ack adds nothing", () => {
  const error = new TypeError("no such card");
  const { stub, channel } = consuming(() => {
    throw error;
  });
  assert.throws(
    () => stub.deliver(),
    (thrown) => thrown === error,
  );
  channel.ackAll();
  assert.deepEqual(errors(), ["TypeError"]);
});

test("a promise ends its message though the ack comes after it, and the late ack ends nothing again", async () => {
  const { stub, channel } = consuming(async () => "handled");
  const { message, result } = stub.deliver();
  assert.equal(await result, "handled");
  assert.deepEqual(errors(), [undefined]);
  channel.ack(message);
  channel.nack(message);
  assert.deepEqual(errors(), [undefined]);
});

test("a promise that rejects ends its message with that error", async () => {
  const error = new RangeError("too much");
  const { stub } = consuming(() => Promise.reject(error));
  await assert.rejects(stub.deliver().result as Promise<void>, (thrown) => thrown === error);
  assert.deepEqual(errors(), ["RangeError"]);
});

test("a message that is acked twice ends once", () => {
  const { stub, channel } = consuming(() => {});
  const { message } = stub.deliver();
  channel.ack(message);
  channel.ack(message);
  assert.deepEqual(errors(), [undefined]);
});

test("an ack up to a message ends those before it and leaves those after it", () => {
  const { stub, channel } = consuming(() => {});
  const messages = [1, 2, 3].map(() => stub.deliver().message);
  channel.ack(messages[1] as amqp.Message, true);
  assert.equal(ended().length, 2);
  assert.deepEqual(
    ended().map(({ attributes }) => attributes["messaging.rabbitmq.message.delivery_tag"]),
    [1, 2],
  );
  channel.ack(messages[2] as amqp.Message);
  assert.equal(ended().length, 3);
});

test("ackAll and nackAll end all that wait, nackAll with an error", () => {
  for (const [settle, error] of [
    ["ackAll", undefined],
    ["nackAll", "requeued"],
  ] as const) {
    observed.reset();
    const { stub, channel } = consuming(() => {});
    for (const _ of [1, 2]) stub.deliver();
    channel[settle]();
    assert.deepEqual(errors(), [error, error]);
  }
});

test("what refuses a message says how: given back, or rejected for good", () => {
  const refusals: [(channel: amqp.Channel, message: amqp.Message) => void, string][] = [
    [(channel, message) => channel.nack(message), "requeued"],
    [(channel, message) => channel.nack(message, false, false), "rejected"],
    [(channel, message) => channel.reject(message, true), "requeued"],
    [(channel, message) => channel.reject(message, false), "rejected"],
  ];
  for (const [refuse, error] of refusals) {
    observed.reset();
    const { stub, channel } = consuming(() => {});
    refuse(channel, stub.deliver().message);
    assert.deepEqual(errors(), [error]);
  }
});

test("a handler that nacks and then resolves has failed all the same", async () => {
  const { stub, channel } = consuming(async (message) => {
    await Promise.resolve();
    channel.nack(message);
  });
  await stub.deliver().result;
  assert.deepEqual(errors(), ["requeued"]);
});

test("a settlement that the client does not take ends nothing", () => {
  const { stub, channel } = consuming(() => {});
  const { message } = stub.deliver();
  stub.refuses = new Error("Channel closing");
  assert.throws(
    () => channel.ack(message),
    (thrown) => thrown === stub.refuses,
  );
  assert.equal(ended().length, 0);
  stub.emit("close");
  assert.deepEqual(errors(), ["closed"]);
});

test("a channel that closes ends what waits with an error, and leaves a promise to end its own", async () => {
  let finish: (() => void) | undefined;
  const { stub } = consuming((message) =>
    message.fields.deliveryTag === 1
      ? undefined
      : new Promise<void>((resolve) => (finish = resolve)),
  );
  stub.deliver();
  const { result } = stub.deliver();
  stub.emit("close");
  assert.deepEqual(errors(), ["closed"]);
  finish?.();
  await result;
  assert.deepEqual(errors(), ["closed", undefined]);
  assert.equal(observed.open().length, 0);
});

test("without acks a message has been handled when its handler returns", () => {
  const { stub } = consuming(() => {}, true);
  stub.deliver();
  assert.deepEqual(errors(), [undefined]);
});

test("beyond ten thousand unsettled messages the oldest is given up, and says so", () => {
  const { stub, channel } = consuming(() => {});
  const { message: first } = stub.deliver();
  for (let at = 1; at < 10_000; at++) stub.deliver();
  assert.equal(ended().length, 0);
  stub.deliver();
  assert.deepEqual(
    ended().map(({ attributes }) => [
      attributes["messaging.rabbitmq.message.delivery_tag"],
      attributes["throughline.settlement"],
    ]),
    [[1, "given up"]],
  );
  channel.ack(first);
  assert.equal(ended().length, 1);
  channel.ackAll();
  assert.equal(ended().length, 10_001);
  assert.equal(observed.open().length, 0);
});

test("a settlement's span belongs to the message's handling, wherever it is made", () => {
  const { stub, channel } = consuming(() => {});
  const { message } = stub.deliver();
  assert.equal(trace.getSpan(context.active()), undefined);
  channel.ack(message);
  const settled = observed.spans().find(({ name }) => name === "ack orders");
  const [handled] = ended();
  assert.equal(settled?.parentSpanContext?.spanId, handled?.spanContext().spanId);
});

test("a settlement that belongs to no trace has no span", () => {
  const channel = traced(new StubChannel() as unknown as amqp.Channel);
  channel.ackAll();
  channel.ack({ content: Buffer.from(""), fields: {}, properties: {} } as unknown as amqp.Message);
  assert.deepEqual(observed.spans(), []);
});

test("with spans off and no meter, a handler's own promise is given back and nothing is kept", () => {
  const stub = new StubChannel();
  const channel = traced(stub as unknown as amqp.Channel, {
    spans: "off",
    meterProvider: { getMeter: () => undefined as never },
  });
  const own = Promise.resolve();
  void channel.consume("orders", () => own);
  assert.ok(stub.deliver().result === own);
});
