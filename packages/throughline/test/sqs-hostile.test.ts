import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import * as lambda from "throughline/lambda";
import * as sqs from "throughline/sqs";
import { snapshot } from "./host-snapshot.ts";
import { tracing } from "./sdk.ts";

// What a queue or an event may hold that nobody of ours wrote.

const traceparent = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
const name = fc.oneof(
  fc.constantFrom("traceparent", "tracestate", "baggage", "dlq", "__proto__", "constructor"),
  fc.string(),
);
const text = fc.oneof(fc.constant(traceparent), fc.json(), fc.string());
const attribute = fc.oneof(
  fc.anything(),
  fc.record(
    { DataType: fc.anything(), StringValue: text, BinaryValue: fc.uint8Array() },
    { requiredKeys: [] },
  ),
);
const envelope = fc
  .record({
    Type: fc.constantFrom("Notification", "Other"),
    TopicArn: fc.oneof(fc.constant("arn:aws:sns:x:1:t"), fc.anything()),
    MessageAttributes: fc.oneof(
      fc.anything(),
      fc.dictionary(name, fc.record({ Type: fc.constantFrom("String", "Binary"), Value: text })),
    ),
    "detail-type": fc.string(),
    source: fc.string(),
    detail: fc.oneof(fc.anything(), fc.dictionary(name, text)),
  })
  .map((body) =>
    JSON.stringify(body, (_, value: unknown) => (typeof value === "bigint" ? 1 : value)),
  );
const message = fc.record(
  {
    MessageId: fc.anything(),
    Body: fc.oneof(envelope, fc.anything()),
    Attributes: fc.oneof(fc.anything(), fc.dictionary(fc.string(), fc.string())),
    MessageAttributes: fc.oneof(fc.anything(), fc.dictionary(name, attribute)),
  },
  { requiredKeys: [] },
);

test("whatever a message of SQS holds, its handler is called and its dead letter made, within SQS's ten attributes of ours, and it is not written to", () => {
  const sdk = tracing();
  try {
    fc.assert(
      fc.property(message, (received) => {
        const delivery = { system: "aws_sqs", destination: "orders" };
        const before = snapshot(received);
        assert.equal(
          sqs.processMessage(received, () => "handled", delivery),
          "handled",
        );
        assert.equal(
          sqs.processBatch([received], () => "handled", delivery),
          "handled",
        );
        sqs.contextOf(received);
        sqs.deadLetterOf(received);
        const letter = sqs.deadLetter(received as never, new Error("no funds"));
        const given: unknown = (received as { MessageAttributes?: unknown }).MessageAttributes;
        const own = Object.keys(Object(given ?? {}) as object);
        const names = Object.keys(letter.MessageAttributes);
        const added = names.filter((each) => !own.includes(each));
        assert.ok(added.length === 0 || names.length <= 10);
        assert.deepEqual(snapshot(received), before);
      }),
      { numRuns: 1000 },
    );
    assert.equal(sdk.open().length, 0);
    assert.equal(Object.hasOwn(Object.prototype, "traceparent"), false);
  } finally {
    void sdk.shutdown();
  }
});

test("whatever a record of Lambda holds, its handler is called and its dead letter made, and it is not written to", () => {
  const sdk = tracing();
  const record = fc.oneof(
    fc.record({
      messageId: fc.string(),
      body: fc.oneof(envelope, fc.anything()),
      messageAttributes: fc.anything(),
    }),
    fc.record({ EventSource: fc.constant("aws:sns"), Sns: fc.oneof(fc.object(), fc.anything()) }),
    fc.record({
      topic: fc.string(),
      partition: fc.nat(),
      offset: fc.anything(),
      key: fc.anything(),
      value: fc.anything(),
      headers: fc.oneof(fc.anything(), fc.array(fc.dictionary(name, fc.array(fc.integer())))),
    }),
    fc.record({ "detail-type": fc.string(), source: fc.string(), detail: fc.anything() }),
  );
  try {
    fc.assert(
      fc.property(record, (received) => {
        const before = snapshot(received);
        assert.equal(
          lambda.processMessage(received, () => "handled"),
          "handled",
        );
        lambda.contextOf(received);
        lambda.deadLetterOf(received);
        lambda.deadLetter(received, new Error("no funds"));
        assert.deepEqual(snapshot(received), before);
      }),
      { numRuns: 1000 },
    );
    assert.equal(sdk.open().length, 0);
  } finally {
    void sdk.shutdown();
  }
});
