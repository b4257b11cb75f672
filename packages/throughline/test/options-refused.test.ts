// A mistake in an option is told where a client is traced, where it can still be seen.
import { diag } from "@opentelemetry/api";
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
    ["relation", "sibling", 'takes parent, link, both or a function, got "sibling"'],
    ["duplicates", "all", 'takes new or last or first, got "all"'],
    ["server", null, "takes { address, port? }, got null"],
    ["propagator", "w3c", 'takes an object with fields, inject, extract, got "w3c"'],
    ["inject", Object.create(null), "takes true or false, got object"],
  ] as const) {
    assert.throws(() => traced(stubProducer().client, { [option]: value }), {
      name: "TypeError",
      message: `throughline: option ${option} ${told}`,
    });
  }
});

test("an option that there is not is refused, and the error names those that there are", () => {
  assert.throws(() => traced(stubConsumer().client, { relatoin: "link" } as Options), {
    name: "TypeError",
    message:
      /^throughline: there is no option relatoin; there are relation, spans, .*meterProvider$/,
  });
});

test("a client that is traced already keeps its options, and that is said once", (t) => {
  const warned: string[] = [];
  const quiet = (): void => {};
  const warn = (text: string): void => void warned.push(text);
  diag.setLogger({ error: quiet, warn, info: quiet, debug: quiet, verbose: quiet });
  t.after(() => diag.disable());
  const { client } = stubProducer();
  const producer = traced(client, { relation: "link" });
  assert.equal(traced(producer), producer);
  assert.equal(traced(client), producer);
  assert.deepEqual(warned, []);
  assert.equal(traced(producer, { relation: "both" }), producer);
  assert.equal(traced(client, { relation: "both" }), producer);
  assert.deepEqual(warned, [
    "throughline: traced() got a client that is traced already: it keeps its first options, and those given now do nothing.",
  ]);
});

test("options that are no object are refused", () => {
  for (const options of [null, "link"]) {
    assert.throws(() => traced(stubProducer().client, options as Options), {
      name: "TypeError",
      message: `throughline: options must be an object, got ${JSON.stringify(options)}`,
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
