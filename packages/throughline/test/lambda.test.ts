import { propagation, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { SQSEvent, SQSRecord } from "aws-lambda";
import * as fc from "fast-check";
import {
  contextOf,
  deadLetter,
  deadLetterOf,
  eachRecord,
  injectContext,
  processMessage,
  traced,
  withRetries,
} from "throughline/lambda";
import {
  bridgeEvent,
  mskEvent,
  selfManagedKafkaEvent,
  snsEvent,
  sqsEvent,
  traceparentOf,
} from "./lambda-events.ts";
import { type FinishedSpan, type Tracing, tracing } from "./sdk.ts";

let sdk: Tracing;
beforeEach(() => {
  sdk = tracing();
});
afterEach(() => sdk.shutdown());

const mark = (name: string): void => trace.getTracer("application").startSpan(name).end();

function span(name: string): FinishedSpan {
  const found = sdk.spans().filter((each) => each.name === name);
  assert.equal(found.length, 1, `${found.length} spans are called ${name}`);
  return found[0] as FinishedSpan;
}

/** The span above a mark: what processes the record. */
function above(name: string): FinishedSpan {
  const id = span(name).parentSpanContext?.spanId;
  const found = sdk.spans().find((each) => each.spanContext().spanId === id);
  assert.ok(found, `nothing above ${name}`);
  return found;
}

test("messages of SQS are a batch, each handled in its own trace inside it", async () => {
  const event = sqsEvent({ one: "1", two: "2" });
  const before = structuredClone(event);
  const handler = traced(async ({ Records }: SQSEvent) => {
    for (const record of Records) await processMessage(record, async () => mark(record.body));
    return "answer";
  });
  assert.equal(await handler(event), "answer");
  assert.deepEqual(event, before, "the event was written to");
  const batch = sdk.spans().find((each) => "messaging.batch.message_count" in each.attributes);
  assert.equal(batch?.name, "process orders");
  assert.equal(batch?.parentSpanContext, undefined);
  assert.deepEqual(
    batch?.links.map(({ context }) => context.traceId),
    ["1".repeat(32), "2".repeat(32)],
  );
  for (const [body, sender] of [
    ["one", "1"],
    ["two", "2"],
  ] as const) {
    const process = above(body);
    assert.equal(process.spanContext().traceId, sender.repeat(32));
    assert.equal(process.parentSpanContext?.spanId, sender.repeat(16));
    assert.equal(process.attributes["messaging.system"], "aws_sqs");
    assert.equal(process.attributes["messaging.message.id"], `id-of-${body}`);
    assert.deepEqual(
      process.links.map(({ context }) => context.spanId),
      [batch?.spanContext().spanId],
    );
  }
  assert.equal(sdk.open().length, 0);
});

test("eachRecord reports the messages of SQS that failed, each with its own span and error", async () => {
  const handler = eachRecord(async (record: SQSRecord) => {
    mark(record.body);
    if (record.body === "bad") throw new RangeError("no such order");
  });
  assert.deepEqual(await handler(sqsEvent({ good: "1", bad: "2", fine: "3" })), {
    batchItemFailures: [{ itemIdentifier: "id-of-bad" }],
  });
  assert.equal(above("bad").status.code, 2);
  assert.equal(above("bad").attributes["error.type"], "RangeError");
  for (const body of ["good", "fine"]) assert.equal(above(body).status.code, 0);
});

test("of a FIFO queue, eachRecord reports what comes after the message that failed, and does not handle it", async () => {
  const seen: string[] = [];
  const handler = eachRecord(async (record: SQSRecord) => {
    seen.push(record.body);
    if (record.body === "bad") throw new Error("no such order");
  });
  const event = sqsEvent({ good: "1", bad: "2", after: "3" }, "orders.fifo");
  assert.deepEqual(await handler(event), {
    batchItemFailures: [{ itemIdentifier: "id-of-bad" }, { itemIdentifier: "id-of-after" }],
  });
  assert.deepEqual(seen, ["good", "bad"]);
});

test("a notification of SNS and an event of EventBridge are handled in their publisher's trace", async () => {
  const handler = traced(async () => mark("handled"));
  const detail = injectContext({ order: "7" });
  assert.deepEqual(detail, { order: "7" });
  for (const [event, system, destination] of [
    [snsEvent("1"), "aws.sns", "orders"],
    [
      bridgeEvent({ order: "7", traceparent: traceparentOf("1") }),
      "aws.eventbridge",
      "shop.orders",
    ],
  ] as const) {
    sdk.reset();
    await (handler as (of: object) => Promise<void>)(event);
    const process = above("handled");
    assert.equal(process.parentSpanContext?.spanId, "1".repeat(16));
    assert.equal(process.attributes["messaging.system"], system);
    assert.equal(process.name, `process ${destination}`);
    assert.equal(sdk.spans().length, 2);
  }
});

test("what injectContext puts into a detail is found where the event arrives", () => {
  let detail = {};
  trace.getTracer("application").startActiveSpan("publisher", (publisher) => {
    detail = injectContext({ order: "7" });
    publisher.end();
  });
  const arrived = bridgeEvent(JSON.parse(JSON.stringify(detail)) as object);
  const { traceId } = span("publisher").spanContext();
  assert.equal(trace.getSpanContext(contextOf(arrived))?.traceId, traceId);
});

for (const [name, eventOf] of [
  ["MSK", mskEvent],
  ["a cluster of one's own", selfManagedKafkaEvent],
] as const) {
  test(`records of Kafka from ${name} are each handled in their own trace`, async () => {
    const handler = eachRecord(async (record: { value: string; offset: number }) => {
      mark(Buffer.from(record.value, "base64").toString());
      assert.equal(propagation.getActiveBaggage(), undefined);
    });
    assert.equal(await handler(eventOf(["1", "2"])), undefined);
    for (const sender of ["1", "2"]) {
      const process = above(`{"order":"${sender}"}`);
      assert.equal(process.parentSpanContext?.spanId, sender.repeat(16));
      assert.equal(process.attributes["messaging.system"], "kafka");
      assert.equal(process.attributes["messaging.destination.partition.id"], "0");
      assert.equal(process.attributes["messaging.kafka.offset"], 14 + Number(sender));
      assert.equal(process.attributes["messaging.kafka.message.key"], `order-${sender}`);
    }
    const error = new Error("no such order");
    const failing = eachRecord(async () => Promise.reject(error));
    await assert.rejects(failing(eventOf(["1", "2"])), (thrown) => thrown === error);
  });
}

test("a handler's answer and its error are the very ones, and its name and length its own", async () => {
  const answer = {};
  const error = new Error("no such order");
  function handler(this: unknown, event: SQSEvent): unknown {
    return event.Records.length > 1 ? Promise.reject(error) : answer;
  }
  const same = traced(handler);
  assert.equal(same.name, "handler");
  assert.equal(same.length, 1);
  assert.equal(same(sqsEvent({ one: "1" })), answer);
  await assert.rejects(
    same(sqsEvent({ one: "1", two: "2" })) as Promise<unknown>,
    (e) => e === error,
  );
  const throwing = traced(() => {
    throw error;
  });
  assert.throws(throwing, (thrown) => thrown === error);
});

test("a handler that answers by callback has its span until then, and its callback is called as it was", async () => {
  const told: unknown[][] = [];
  let answer: ((error: unknown, value?: unknown) => void) | undefined;
  const handler = traced(
    (_event: SQSEvent, _context: object, callback: (error: unknown, value?: unknown) => void) => {
      answer = callback;
    },
  );
  for (const outcome of [[null, "done"], [new Error("no such order")]]) {
    sdk.reset();
    const returned: unknown = handler(sqsEvent({ one: "1" }), {}, (...args) => told.push(args));
    assert.equal(returned, undefined);
    assert.equal(sdk.open().length, 1);
    answer?.(...(outcome as [unknown, unknown]));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(sdk.open().length, 0);
    assert.deepEqual(told.at(-1), outcome);
    assert.equal(sdk.spans()[0]?.status.code, outcome[0] === null ? 0 : 2);
  }
});

test("an event of any other source leaves the handler alone", async () => {
  const handler = traced(async (event: unknown) => event);
  for (const event of [
    undefined,
    "text",
    {},
    { Records: [] },
    { Records: [{ eventSource: "aws:s3", s3: { bucket: { name: "b" } } }] },
    { httpMethod: "GET", headers: { traceparent: traceparentOf("1") } },
  ]) {
    assert.equal(await handler(event), event);
  }
  assert.equal(sdk.spans().length, 0);
});

test("eachRecord rejects an event without such records, never throws, and names it but nothing in it", async () => {
  const seen: unknown[] = [];
  const handler = eachRecord((record: object) => seen.push(record));
  for (const [event, named] of [
    [undefined, "undefined"],
    [null, "null"],
    ["a secret", "string"],
    [{}, "one with no field"],
    [{ order: "a secret", of: "yours" }, "one with the fields order, of"],
    [{ Records: [{ eventSource: "aws:s3", s3: { bucket: { name: "b" } } }] }, "one of aws:s3"],
    [{ Records: [{ kinesis: {}, eventSource: "aws:kinesis" }] }, "one of aws:kinesis"],
    [{ Records: [null] }, "one with the fields Records"],
  ] as const) {
    const answer = handler(event as unknown as object);
    await assert.rejects(answer, {
      name: "TypeError",
      message: `throughline: eachRecord() takes an event of SQS, SNS, Kafka or EventBridge, got ${named}; traced(handler) takes any`,
    });
  }
  assert.deepEqual(await handler({ Records: [] }), { batchItemFailures: [] });
  assert.deepEqual(seen, []);
  assert.equal(sdk.spans().length, 0);
});

test("the invocation's own span is linked to, and is no message's parent", async () => {
  const record = sqsEvent({ one: "1" }).Records[0] as SQSRecord;
  await trace.getTracer("lambda").startActiveSpan("invocation", async (invoked) => {
    await processMessage(record, async () => mark("handled"));
    invoked.end();
  });
  const process = above("handled");
  assert.equal(process.parentSpanContext?.spanId, "1".repeat(16));
  assert.equal(process.links[0]?.context.spanId, span("invocation").spanContext().spanId);
});

test("attempts at a record are beside each other, and its dead letter is one for SQS or for Kafka", async () => {
  const letters: object[] = [];
  const [record] = sqsEvent({ one: "1" }).Records;
  let attempts = 0;
  const tried = withRetries(
    async () => {
      attempts += 1;
      mark(`attempt ${attempts}`);
      throw new Error("no funds");
    },
    { attempts: 2, deadLetter: (letter) => letters.push(letter) },
  );
  const handler = eachRecord(tried);
  await handler({ Records: [record] });
  for (const attempt of [1, 2]) {
    assert.equal(above(`attempt ${attempt}`).parentSpanContext?.spanId, "1".repeat(16));
  }
  const [letter] = letters as { MessageBody: string; MessageAttributes: Record<string, object> }[];
  assert.equal(letter?.MessageBody, "one");
  assert.deepEqual(Object.keys(letter?.MessageAttributes ?? {}).toSorted(), ["dlq", "traceparent"]);

  const [kafka = {}] = mskEvent(["1"]).records["orders-0"] ?? [];
  const written = deadLetter(kafka, new Error("no funds")) as { key: Buffer; headers: object };
  assert.equal(String(written.key), "order-1");
  assert.equal(deadLetterOf(written)?.offset, undefined);
  assert.ok("dlq.error.message" in written.headers && "traceparent" in written.headers);
});

test("of Kafka, eachRecord handles nothing after the record that failed, one at a time", async () => {
  const seen: unknown[] = [];
  const failed = new Error("no funds");
  const handler = eachRecord(async ({ offset }: { offset: number }) => {
    seen.push(`begun ${offset}`);
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(`ended ${offset}`);
    if (offset === 16) throw failed;
  });
  await assert.rejects(handler(mskEvent(["1", "2", "3"])), (error) => error === failed);
  assert.deepEqual(seen, ["begun 15", "ended 15", "begun 16", "ended 16"]);
});

test("a dead letter keeps a repeated header, bytes of an attribute, and no field of a detail beside its body", () => {
  const error = new Error("no funds");
  const [kafka] = mskEvent(["1"]).records["orders-0"] ?? [];
  kafka?.headers.push({ tenant: [...Buffer.from("b")] });
  const { headers } = deadLetter(kafka ?? {}, error) as { headers: Record<string, unknown> };
  assert.deepEqual(headers["tenant"], [Buffer.from("a"), Buffer.from("b")]);

  const [queued] = sqsEvent({ one: "1" }).Records as [SQSRecord];
  const bytes = Buffer.from([0, 255]);
  const binaryValue = bytes.toString("base64");
  const messageAttributes = {
    ...queued.messageAttributes,
    blob: { dataType: "Binary", binaryValue },
  };
  const letter = deadLetter({ ...queued, messageAttributes }, error) as {
    MessageAttributes: Record<string, object>;
  };
  assert.deepEqual(letter.MessageAttributes["blob"], { DataType: "Binary", BinaryValue: bytes });

  const event = bridgeEvent({ id: "7", traceparent: traceparentOf("1") });
  const parked = deadLetter(event, error) as { MessageBody: string; MessageAttributes: object };
  assert.deepEqual(JSON.parse(parked.MessageBody), event);
  // Its context is the one in the body: nobody has handled it.
  assert.deepEqual(Object.keys(parked.MessageAttributes), ["dlq"]);
});

test("whatever an event is made of, the handler gets it and its answer comes back", async () => {
  const handler = traced((event: unknown) => event);
  const shapes = fc.oneof(
    fc.anything(),
    fc.record({
      Records: fc.array(
        fc.record(
          {
            messageId: fc.anything(),
            body: fc.anything(),
            eventSource: fc.constantFrom("aws:sqs", "aws:sns"),
            messageAttributes: fc.anything(),
            Sns: fc.anything(),
          },
          { requiredKeys: [] },
        ),
      ),
    }),
    fc.record({
      records: fc.dictionary(
        fc.string(),
        fc.array(
          fc.record({
            topic: fc.string(),
            partition: fc.anything(),
            offset: fc.anything(),
            headers: fc.anything(),
          }),
        ),
      ),
    }),
  );
  fc.assert(
    fc.property(shapes, (event) => {
      const answer: unknown = handler(event);
      // Another thenable than a promise is adopted.
      if (typeof (event as { then?: unknown } | null)?.then !== "function")
        assert.equal(answer, event);
    }),
    { numRuns: 500 },
  );
  assert.equal(sdk.open().length, 0);
});
