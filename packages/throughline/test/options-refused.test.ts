// A mistake in an option is told where a client is traced, where it can still be seen.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Options, traced } from "throughline/kafkajs";
import { stubConsumer, stubProducer } from "./stub-kafkajs.ts";

const REFUSED: readonly (readonly [option: keyof Options, value: unknown])[] = [
  ["relation", "sibling"],
  ["relation", null],
  ["spans", true],
  ["createSpans", "no"],
  ["duplicates", "all"],
  ["carried", "drop"],
  ["attributes", { a: 1 }],
  ["onEnd", "log"],
  ["destinationTemplate", "orders-{id}"],
  ["ignore", ["audit"]],
  ["messageKey", "no"],
  ["inject", 0],
  ["server", null],
  ["server", "kafka-1:9092"],
  ["server", { port: 9092 }],
  ["server", { address: "kafka-1", port: "9092" }],
  ["clientId", 7],
  ["groupId", {}],
  ["propagator", "w3c"],
  ["tracerProvider", {}],
  ["meterProvider", 7],
];

for (const [option, value] of REFUSED) {
  test(`option ${option} does not take ${JSON.stringify(value)}, and the error says what it takes`, () => {
    for (const { client } of [stubConsumer(), stubProducer()]) {
      assert.throws(() => traced(client as never, { [option]: value }), {
        name: "TypeError",
        message: new RegExp(`^throughline: option ${option} takes .+, got `),
      });
    }
  });
}

test("the error names what it got, and every choice there is", () => {
  for (const [option, value, told] of [
    ["relation", "sibling", "takes parent, link, both or a function, got sibling"],
    ["duplicates", "all", "takes new or last or first, got all"],
    ["server", null, "takes { address, port? }, got null"],
    ["propagator", "w3c", "takes an object with fields, inject, extract, got w3c"],
    ["inject", Object.create(null), "takes true or false, got object"],
  ] as const) {
    assert.throws(() => traced(stubProducer().client, { [option]: value }), {
      name: "TypeError",
      message: `throughline: option ${option} ${told}`,
    });
  }
});

test("options that are no object are refused", () => {
  for (const options of [null, "link"]) {
    assert.throws(() => traced(stubProducer().client, options as Options), {
      name: "TypeError",
      message: `throughline: options must be an object, got ${options}`,
    });
  }
});

test("options left out or undefined are what they are by default", () => {
  const names = REFUSED.map(([option]) => option);
  const options = Object.fromEntries(names.map((name) => [name, undefined]));
  assert.doesNotThrow(() => traced(stubConsumer().client, options));
});

test("an option changed after the client was traced changes nothing", async () => {
  const options: Options = { ignore: () => false };
  const { client, calls } = stubProducer();
  const producer = traced(client, options);
  options.ignore = () => true;
  const given = { topic: "orders", messages: [{ value: "1" }] };
  await producer.send(given);
  assert.notEqual(calls[0], given);
});

test("what is no client of kafkajs is refused by its kind", () => {
  for (const [client, kind] of [
    [null, "null"],
    [undefined, "undefined"],
    ["kafka", "string"],
    [{}, "object"],
  ] as const) {
    assert.throws(() => traced(client as never), {
      name: "TypeError",
      message: `throughline: traced() takes a Kafka, producer, consumer or transaction of kafkajs, got ${kind}`,
    });
  }
});
