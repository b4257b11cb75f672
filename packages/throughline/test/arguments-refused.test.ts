// What a function of a subpath is given by mistake is named, in each subpath that is plain JavaScript.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { traced } from "throughline/kafkajs";
import { record, stubConsumer } from "./stub-kafkajs.ts";

type Subpath = Record<string, (...args: unknown[]) => unknown>;
const SUBPATHS = [
  "throughline",
  "throughline/amqplib",
  "throughline/confluent",
  "throughline/kafkajs",
  "throughline/lambda",
  "throughline/platformatic",
  "throughline/rabbitmq-client",
  "throughline/rdkafka",
  "throughline/sqs",
  "throughline/sqs-consumer",
];

before(async () => {
  // From now on a message is asked for what it shares with others of its fetch, whoever's it is.
  const { client, deliver } = stubConsumer();
  await traced(client).run({ eachMessage: async () => {} });
  await deliver(Object.assign(record(), { batchContext: {} }));
});

for (const name of SUBPATHS) {
  test(`${name}: a dead letter of nothing, and no handler, are refused by name`, async () => {
    const subpath = (await import(name)) as Subpath;
    for (const nothing of [undefined, null, "an id"]) {
      assert.throws(() => subpath["deadLetter"]?.(nothing, new Error("card declined")), {
        name: "TypeError",
        message: `throughline: deadLetter() takes the message that could not be handled as its first argument, as the client handed it over, got ${
          typeof nothing === "string" ? '"an id"' : String(nothing)
        }`,
      });
    }
    for (const [method, place, given] of [
      ["processMessage", "second", { headers: {} }],
      ["processBatch", "second", [{ headers: {} }]],
    ] as const) {
      assert.throws(() => subpath[method]?.(given), {
        name: "TypeError",
        message: `throughline: ${method}() takes the function that handles what it is given as its ${place} argument, got undefined`,
      });
    }
    assert.throws(() => subpath["withRetries"]?.({ attempts: 2 }), {
      name: "TypeError",
      message:
        "throughline: withRetries() takes the function that handles what it is given as its first argument, got [object Object]",
    });
  });

  test(`${name}: a message that is none has its handler called all the same`, async () => {
    const subpath = (await import(name)) as Subpath;
    assert.equal(
      subpath["processMessage"]?.(undefined, (message: unknown) => [message].length),
      1,
    );
  });

  test(`${name}: what is no message, or one that can't be read, has a context and a letter all the same`, async () => {
    const { contextOf, deadLetter } = (await import(name)) as Subpath;
    const unreadable = Object.defineProperty({}, "batchContext", {
      get() {
        throw new RangeError("the application's own");
      },
    });
    for (const nothing of [undefined, null, "an id", unreadable]) {
      const context = contextOf?.(nothing) as { getValue?: unknown };
      assert.equal(typeof context.getValue, "function");
    }
    assert.equal(typeof deadLetter?.(unreadable, new Error("card declined")), "object");
  });
}
