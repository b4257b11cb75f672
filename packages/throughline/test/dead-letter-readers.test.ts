// A dead letter is read whoever wrote it: this library in any language, spring-kafka, Kafka
// Connect, RabbitMQ.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deadLetterOf } from "throughline";
import { deadLetterOf as deadLetterOfRecord } from "throughline/kafkajs";
import { record } from "./stub-kafkajs.ts";

const text = (value: string): Buffer => Buffer.from(value);

/** As a client gives a header's value: a view into everything that was fetched. */
const withinOthers = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(3, 0xff)]).subarray(3, -3);

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return withinOthers(bytes);
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return withinOthers(bytes);
}

const byUs = {
  "dlq.origin.destination": "orders",
  "dlq.origin.partition": "3",
  "dlq.origin.offset": "9007199254740993",
  "dlq.origin.timestamp": "1700000000123",
  "dlq.origin.group": "payments",
  "dlq.error.type": "E_CARD",
  "dlq.error.message": "card declined – für immer",
  "dlq.attempts": "3",
  "dlq.failed": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
};
const asRead = {
  convention: "throughline",
  destination: "orders",
  partition: "3",
  offset: "9007199254740993",
  timestampMs: 1_700_000_000_123,
  group: "payments",
  errorType: "E_CARD",
  errorMessage: "card declined – für immer",
  attempts: 3,
  failed: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
};

const bySpring = {
  "kafka_dlt-original-topic": text("orders"),
  "kafka_dlt-original-partition": int32(3),
  "kafka_dlt-original-offset": int64(9_007_199_254_740_993n),
  "kafka_dlt-original-timestamp": int64(1_700_000_000_123n),
  "kafka_dlt-original-timestamp-type": text("CREATE_TIME"),
  "kafka_dlt-original-consumer-group": text("payments"),
  "kafka_dlt-exception-fqcn": text(
    "org.springframework.kafka.listener.ListenerExecutionFailedException",
  ),
  "kafka_dlt-exception-cause-fqcn": text("java.lang.IllegalStateException"),
  "kafka_dlt-exception-message": text("card declined"),
  "kafka_dlt-exception-stacktrace": text("at …"),
};
const fromSpring = {
  convention: "spring-kafka",
  destination: "orders",
  partition: "3",
  offset: "9007199254740993",
  timestampMs: 1_700_000_000_123,
  group: "payments",
  errorType: "java.lang.IllegalStateException",
  errorMessage: "card declined",
};

test("one of ours is read in every layout of headers, as text and as bytes", () => {
  const pairs = Object.entries(byUs);
  const bytes = pairs.map(([name, value]): [string, Buffer] => [name, text(value)]);
  for (const headers of [
    byUs,
    Object.fromEntries(bytes),
    new Map<string, string>(pairs),
    bytes,
    bytes.map(([name, value]) => [text(name), new Uint8Array(value)]),
    bytes.map(([name, value]) => ({ [name]: value })),
  ]) {
    assert.deepEqual(deadLetterOf({ headers }), asRead);
    assert.deepEqual(deadLetterOf({ properties: { headers } }), asRead);
  }
  assert.deepEqual(deadLetterOfRecord(record(byUs)), asRead);
});

test("a message that is no dead letter is none, though it has headers of others' that look alike", () => {
  for (const headers of [undefined, null, {}, { traceparent: "x" }, { "dlq.reason": "theirs" }]) {
    assert.equal(deadLetterOf({ headers }), undefined);
  }
});

test("what is not there, or is no number, is left out", () => {
  const headers = { "dlq.error.type": "E", "dlq.attempts": "many", "dlq.origin.timestamp": "1e3" };
  assert.deepEqual(deadLetterOf({ headers }), { convention: "throughline", errorType: "E" });
});

test("spring-kafka's is read: numbers are big-endian bytes, the cause goes before its wrapper", () => {
  assert.deepEqual(deadLetterOfRecord({ headers: bySpring }), fromSpring);
  const { "kafka_dlt-exception-cause-fqcn": _, ...uncaused } = bySpring;
  assert.deepEqual(
    deadLetterOfRecord({ headers: uncaused })?.errorType,
    text("org.springframework.kafka.listener.ListenerExecutionFailedException").toString(),
  );
});

test("spring-kafka's numbers that are no such bytes are left out, and the rest is read", () => {
  const { partition: _partition, offset: _offset, ...rest } = fromSpring;
  for (const wrong of ["3", text("12345"), null, 3]) {
    const headers = {
      ...bySpring,
      "kafka_dlt-original-partition": wrong,
      "kafka_dlt-original-offset": wrong,
    };
    assert.deepEqual(deadLetterOfRecord({ headers }), rest);
  }
});

test("spring-kafka's that went over several hops names the first of them, as a whole", () => {
  const twice: Record<string, Buffer | Buffer[]> = {
    ...bySpring,
    "kafka_dlt-original-topic": [text("orders"), text("orders-retry")],
    "kafka_dlt-original-partition": [int32(3), int32(0)],
    "kafka_dlt-original-offset": [int64(9_007_199_254_740_993n), int64(1n)],
    "kafka_dlt-original-timestamp": [int64(1_700_000_000_123n), int64(1n)],
    "kafka_dlt-original-consumer-group": [text("payments"), text("retries")],
    "kafka_dlt-exception-message": [text("busy"), text("card declined")],
  };
  assert.deepEqual(deadLetterOfRecord({ headers: twice }), fromSpring);
  const list = Object.entries(twice).flatMap(([name, values]) =>
    [values].flat().map((value): [string, Buffer] => [name, value]),
  );
  assert.deepEqual(deadLetterOf({ headers: list }), fromSpring);
});

test("Kafka Connect's is read", () => {
  const headers = {
    "__connect.errors.topic": text("orders"),
    "__connect.errors.partition": text("3"),
    "__connect.errors.offset": text("42"),
    "__connect.errors.connector.name": text("sink"),
    "__connect.errors.task.id": text("0"),
    "__connect.errors.exception.class.name": text("org.apache.kafka.connect.errors.DataException"),
    "__connect.errors.exception.message": text("no schema"),
    "__connect.errors.exception.stacktrace": text("at …"),
  };
  assert.deepEqual(deadLetterOfRecord({ headers }), {
    convention: "kafka-connect",
    destination: "orders",
    partition: "3",
    offset: "42",
    group: "sink",
    errorType: "org.apache.kafka.connect.errors.DataException",
    errorMessage: "no schema",
  });
});

const death = (queue: string, reason: string, count: number): object => ({
  queue,
  reason,
  count,
  exchange: "",
  "routing-keys": [queue],
});

test("RabbitMQ's x-death is read: the oldest names the queue, the newest the reason", () => {
  const headers = { "x-death": [death("parking", "expired", 1), death("orders", "rejected", 2)] };
  const expected = {
    convention: "rabbitmq",
    destination: "orders",
    errorType: "expired",
    attempts: 2,
  };
  assert.deepEqual(deadLetterOf({ properties: { headers } }), expected);
});

test("RabbitMQ's that went round through a retry queue came from the queue it died in first", () => {
  const headers = {
    "x-first-death-queue": "orders",
    "x-first-death-reason": "rejected",
    "x-death": [death("orders", "rejected", 3), death("orders.retry", "expired", 2)],
  };
  const expected = {
    convention: "rabbitmq",
    destination: "orders",
    errorType: "rejected",
    attempts: 3,
  };
  assert.deepEqual(deadLetterOf({ properties: { headers } }), expected);
});
