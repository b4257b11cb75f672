// Everything that a host does with its messages, and what it must come to whatever becomes of
// tracing.
import assert from "node:assert/strict";
import {
  deadLetter,
  deadLetterOf,
  type Options,
  processMessage,
  traced,
  withRetries,
} from "throughline/kafkajs";
import { record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const headers = { traceparent: TRACEPARENT, "x-trace": TRACEPARENT, tenant: "a" };

/** Fails where the host would see anything but its own values, its own errors, and one call each. */
export async function exercise(options: Options): Promise<void> {
  await eachMessage(options);
  await eachBatch(options);
  await sends(options);
  await deadLetters(options);
  await retries(options);
}

async function eachMessage(options: Options): Promise<void> {
  const error = new RangeError("the handler's own");
  const answers = [
    () => "value",
    async () => "later",
    () => Promise.reject(error),
    () => {
      throw error;
    },
  ];
  let calls = 0;
  const incoming = stubConsumer();
  await traced(incoming.client, options).run({
    eachMessage: (() => answers[calls++]?.()) as never,
  });
  assert.equal(incoming.deliver(record(headers)), "value");
  assert.equal(await incoming.deliver(record(headers)), "later");
  await assert.rejects(async () => incoming.deliver(record(headers)), error);
  assert.throws(() => incoming.deliver(record(headers)), error);
  assert.equal(calls, 4);
}

async function eachBatch(options: Options): Promise<void> {
  const handled: unknown[] = [];
  const incoming = stubConsumer();
  await traced(incoming.client, options).run({
    async eachBatch({ batch }) {
      for (const message of batch.messages) {
        assert.equal(await processMessage(message, async ({ offset }) => offset), message.offset);
        handled.push(message);
      }
      return "batch" as never;
    },
  });
  const messages = [record(headers), record()];
  assert.equal(await incoming.deliverBatch(messages), "batch");
  assert.deepEqual(handled, messages);
}

async function sends(options: Options): Promise<void> {
  const answer = [{ partition: 0, errorCode: 0, topicName: "orders" }];
  const outgoing = stubProducer(async () => answer);
  const producer = traced(outgoing.client, options);
  const messages = [
    { key: "1", value: "one", headers: { tenant: "a" } },
    { key: "2", value: "two" },
  ];
  assert.equal(await producer.send({ topic: "orders", messages: messages.slice(0, 1) }), answer);
  const topicMessages = [{ topic: "orders", messages }];
  assert.equal(await producer.sendBatch({ topicMessages }), answer);
  assert.equal(outgoing.calls.length, 2);
  assert.deepEqual(
    outgoing.messages().map(({ key, value }) => [key, value]),
    [
      ["1", "one"],
      ["1", "one"],
      ["2", "two"],
    ],
  );
  assert.equal(outgoing.messages()[1]?.headers?.["tenant"], "a");
  const error = new TypeError("the broker's own");
  const failing = traced(stubProducer(() => Promise.reject(error)).client, options);
  await assert.rejects(failing.send({ topic: "orders", messages }), error);
}

async function deadLetters(options: Options): Promise<void> {
  const letters: ReturnType<typeof deadLetter>[] = [];
  const incoming = stubConsumer();
  await traced(incoming.client, options).run({
    async eachMessage({ message }) {
      letters.push(deadLetter(message, new RangeError("no such order")));
    },
  });
  const message = record(headers, { key: Buffer.from("k") });
  await incoming.deliver(message);
  const [letter] = letters;
  assert.deepEqual([letter?.key, letter?.value], [message.key, message.value]);
  assert.equal(deadLetterOf(letter as object)?.errorType, "RangeError");
  assert.equal(String(letter?.headers["tenant"]), "a");
}

async function retries(options: Options): Promise<void> {
  const error = new RangeError("again and again");
  let attempts = 0;
  const parked: unknown[] = [];
  const incoming = stubConsumer();
  await traced(incoming.client, options).run({
    eachMessage: withRetries(
      async () => {
        attempts += 1;
        throw error;
      },
      { attempts: 2, deadLetter: (_letter, failure) => parked.push(failure) },
    ),
  });
  await incoming.deliver(record(headers));
  assert.equal(attempts, 2);
  assert.equal(parked.length, 1);
  assert.equal(parked[0], error);
}
