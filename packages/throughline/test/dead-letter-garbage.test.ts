// Whatever stands in the headers of a dead letter, reading it throws nothing and says nothing.
import { diag, DiagLogLevel } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { deadLetter, deadLetterOf } from "throughline";
import { deadLetterOf as deadLetterOfRecord } from "throughline/kafkajs";

/** What is said through the api's diag from now on. */
function logging(t: TestContext): unknown[] {
  const logged: unknown[] = [];
  const log = (text: string): void => void logged.push(text);
  diag.setLogger({ error: log, warn: log, info: log, debug: log, verbose: log }, DiagLogLevel.ALL);
  t.after(() => diag.disable());
  logged.length = 0;
  return logged;
}

test("a RabbitMQ list that holds anything else is read for what is a table in it", (t) => {
  const logged = logging(t);
  for (const [deaths, expected] of [
    [[null, "x", { queue: "orders", count: 2 }, undefined], { destination: "orders", attempts: 2 }],
    [[{}], {}],
    ...["rejected", 7, { queue: "orders" }, [], [null, 1]].map((list) => [list, undefined]),
  ] as [unknown, object | undefined][]) {
    const read = deadLetterOf({ properties: { headers: { "x-death": deaths } } });
    assert.deepEqual(read, expected && { convention: "rabbitmq", ...expected });
  }
  assert.deepEqual(logged, []);
});

const NAMES = [
  "dlq.origin.destination",
  "dlq.attempts",
  "dlq.failed",
  "kafka_dlt-original-topic",
  "kafka_dlt-original-partition",
  "kafka_dlt-original-offset",
  "kafka_dlt-exception-message",
  "__connect.errors.topic",
  "__connect.errors.partition",
  "x-death",
  "x-first-death-queue",
  "dlq.",
];

test("garbage in any of these headers never throws, and is never taken for an accident of ours", (t) => {
  const logged = logging(t);
  const value = fc.oneof(fc.uint8Array({ maxLength: 10 }), fc.anything());
  const garbage = fc.dictionary(fc.constantFrom(...NAMES), fc.oneof(value, fc.array(value)));
  fc.assert(
    fc.property(garbage, (headers) => {
      deadLetterOf({ headers });
      deadLetterOf({ headers: Object.entries(headers) });
      deadLetterOfRecord({ headers });
      deadLetter({ headers }, new Error("x"));
    }),
  );
  assert.deepEqual(logged, []);
});

test("headers that throw when they are read are no dead letter's", () => {
  const headers = {
    get "dlq.attempts"() {
      return assert.fail("read");
    },
  };
  assert.equal(deadLetterOf({ headers }), undefined);
  assert.equal(
    deadLetterOf(Object.defineProperty({}, "headers", { get: () => assert.fail("read") })),
    undefined,
  );
});
