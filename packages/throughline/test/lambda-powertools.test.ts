// Handlers of AWS Powertools, with ours inside of them and around them: the real packages, on events
// as AWS documents them. What Lambda is answered is what it is answered without us.
import { trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import {
  BatchProcessor,
  BatchProcessorSync,
  EventType,
  processPartialResponse,
  processPartialResponseSync,
  SqsFifoPartialProcessor,
  SqsFifoPartialProcessorAsync,
} from "@aws-lambda-powertools/batch";
import { kafkaConsumer } from "@aws-lambda-powertools/kafka";
import type { ConsumerRecord, MSKEvent } from "@aws-lambda-powertools/kafka/types";
import type { Context, MSKRecord, SQSEvent, SQSRecord } from "aws-lambda";
import {
  deadLetter,
  deadLetterOf,
  eachRecord,
  processMessage,
  traced,
  withRetries,
} from "throughline/lambda";
import { mskEvent, selfManagedKafkaEvent, sqsEvent } from "./lambda-events.ts";
import { type FinishedSpan, type Tracing, tracing } from "./sdk.ts";

let sdk: Tracing;
beforeEach(() => {
  sdk = tracing();
});
afterEach(() => sdk.shutdown());

const invocation = {
  getRemainingTimeInMillis: () => 1000,
  functionName: "payments",
} as unknown as Context;

const mark = (name: string): void => trace.getTracer("application").startSpan(name).end();

/** What processes the record: the span above its mark. */
function above(name: string): FinishedSpan {
  const marks = sdk.spans().filter((each) => each.name === name);
  assert.equal(marks.length, 1, `${marks.length} spans are called ${name}`);
  const id = marks[0]?.parentSpanContext?.spanId;
  const found = sdk.spans().find((each) => each.spanContext().spanId === id);
  assert.ok(found, `no span is above ${name}`);
  return found;
}

function work(record: SQSRecord): string {
  mark(record.body);
  if (record.body.startsWith("bad")) throw new RangeError("no such order");
  return record.body;
}
const workLater = async (record: SQSRecord): Promise<string> => work(record);

/** Of two groups: what comes after the bad one of group a must wait, unless groups are told apart. */
function fifoEvent(): SQSEvent {
  const bodies = { "good a": "1", "bad a": "2", "after a": "3", "good b": "4" };
  const event = sqsEvent(bodies, "orders.fifo");
  for (const record of event.Records) {
    record.attributes.MessageGroupId = record.body.at(-1) as string;
  }
  return event;
}
const plainEvent = (): SQSEvent => sqsEvent({ good: "1", bad: "2", fine: "3" });

type Answering = (event: SQSEvent, handler: (record: SQSRecord) => unknown) => unknown;
const asynchronous = workLater;
const fifo = { skipGroupOnError: false, context: invocation };
const groups = { skipGroupOnError: true, context: invocation };

const PROCESSORS: Record<
  string,
  { answer: Answering; event: () => SQSEvent; work: (record: SQSRecord) => unknown }
> = {
  BatchProcessor: {
    answer: (event, handler) =>
      processPartialResponse(event, handler, new BatchProcessor(EventType.SQS)),
    event: plainEvent,
    work: asynchronous,
  },
  "BatchProcessor, one after the other": {
    answer: (event, handler) =>
      processPartialResponse(event, handler, new BatchProcessor(EventType.SQS), {
        processInParallel: false,
      }),
    event: plainEvent,
    work: asynchronous,
  },
  BatchProcessorSync: {
    answer: (event, handler) =>
      processPartialResponseSync(event, handler, new BatchProcessorSync(EventType.SQS)),
    event: plainEvent,
    work,
  },
  SqsFifoPartialProcessor: {
    answer: (event, handler) =>
      processPartialResponseSync(event, handler, new SqsFifoPartialProcessor(), fifo),
    event: fifoEvent,
    work,
  },
  "SqsFifoPartialProcessor, groups apart": {
    answer: (event, handler) =>
      processPartialResponseSync(event, handler, new SqsFifoPartialProcessor(), groups),
    event: fifoEvent,
    work,
  },
  SqsFifoPartialProcessorAsync: {
    answer: (event, handler) =>
      processPartialResponse(event, handler, new SqsFifoPartialProcessorAsync(), fifo),
    event: fifoEvent,
    work: asynchronous,
  },
  "SqsFifoPartialProcessorAsync, groups apart": {
    answer: (event, handler) =>
      processPartialResponse(event, handler, new SqsFifoPartialProcessorAsync(), groups),
    event: fifoEvent,
    work: asynchronous,
  },
};

type Arrangement = (how: (typeof PROCESSORS)[string], event: SQSEvent) => unknown;
const ARRANGEMENTS: Record<string, Arrangement> = {
  "inside it, traced(recordHandler)": (how, event) => how.answer(event, traced(how.work)),
  "inside it, processMessage": (how, event) =>
    how.answer(event, (record) => processMessage(record, how.work)),
  "around it, traced(handler), with processMessage inside": (how, event) =>
    traced((given: SQSEvent) => how.answer(given, (record) => processMessage(record, how.work)))(
      event,
    ),
  "around and inside": (how, event) =>
    traced((given: SQSEvent) => how.answer(given, traced(how.work)))(event),
};

for (const [processor, how] of Object.entries(PROCESSORS)) {
  for (const [arrangement, arrange] of Object.entries(ARRANGEMENTS)) {
    test(`${processor}, ours ${arrangement}: partial failures are as without us, each record in its own trace`, async () => {
      const bare = await how.answer(how.event(), how.work);
      const handled = sdk.spans().map(({ name }) => name);
      sdk.reset();
      const event = how.event();
      assert.deepEqual(await arrange(how, event), bare);
      const records = event.Records.filter(({ body }) => handled.includes(body));
      assert.ok(records.length >= 2);
      for (const { body, messageAttributes } of records) {
        const sender = messageAttributes["traceparent"]?.stringValue?.split("-")[2];
        assert.equal(above(body).parentSpanContext?.spanId, sender);
        assert.equal(above(body).status.code, body.startsWith("bad") ? 2 : 0);
      }
      // No other record has been handled than without us.
      const marks = sdk.spans().filter(({ name }) => !name.startsWith("process "));
      assert.equal(marks.length, handled.length);
      const processes = sdk.spans().filter(({ name, parentSpanContext }) => {
        return name.startsWith("process ") && parentSpanContext !== undefined;
      });
      assert.equal(processes.length, handled.length);
      assert.equal(sdk.open().length, 0);
    });
  }
}

test("a record of a FIFO queue that is tried again in the processor has an attempt beside the other, and its failure is reported once", async () => {
  let tries = 0;
  const tried = withRetries(
    async (record: SQSRecord) => {
      mark(`${record.body} ${(tries += 1)}`);
      throw new Error("no funds");
    },
    { attempts: 2 },
  );
  const [record] = fifoEvent().Records as [SQSRecord];
  const answer = await processPartialResponse(
    { Records: [record, { ...record, messageId: "next" }] },
    traced(tried),
    new SqsFifoPartialProcessorAsync(),
    { throwOnFullBatchFailure: false },
  );
  assert.deepEqual(answer, {
    batchItemFailures: [{ itemIdentifier: record.messageId }, { itemIdentifier: "next" }],
  });
  for (const attempt of [1, 2]) {
    assert.equal(above(`good a ${attempt}`).parentSpanContext?.spanId, "1".repeat(16));
  }
  assert.equal(tries, 2);
});

/** How many records of Kafka have been counted as delivered. */
async function counted(): Promise<number> {
  const points = (await sdk.metrics()).get("throughline.context")?.points ?? [];
  const kafka = points.filter(({ attributes }) => attributes["messaging.system"] === "kafka");
  return kafka.reduce((sum, { value }) => sum + (value as number), 0);
}

/** The counters outlive a test and its SDK. */
let countedBefore = 0;

/** The package's own type has what records with a schema registry have besides. */
const typed = (event: object): MSKEvent => event as MSKEvent;

type Order = { order: string };
type Handled = ConsumerRecord<string, Order>;
const JSON_VALUES = { value: { type: "json" } } as const;
/** As a schema of zod, valibot or arktype refuses a value: the record's accessor throws. */
const refused = { issues: [{ message: "no order" }] };
const strict = {
  value: {
    type: "json",
    parserSchema: {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value: unknown) => (typeof value === "object" ? { value } : refused),
      },
    },
  },
} as const;

for (const [source, make] of Object.entries({
  MSK: mskEvent,
  "a cluster of one's own": selfManagedKafkaEvent,
})) {
  const handle = async ({ value, key }: Handled): Promise<void> => {
    mark(`${key} is ${value.order}`);
    if (value.order === "3") throw new RangeError("no such order");
  };
  const inside: Record<string, Parameters<typeof kafkaConsumer<string, Order>>[0]> = {
    "traced(handler), with processMessage inside": traced(
      async ({ records }: { records: Handled[] }) => {
        for (const record of records) await processMessage(record, handle);
      },
    ),
    eachRecord: eachRecord((record: Handled) => handle(record)),
    "processMessage alone": async ({ records }) => {
      for (const record of records) await processMessage(record, handle);
    },
  };
  for (const [ours, handler] of Object.entries(inside)) {
    test(`Powertools' Kafka consumer, records of ${source}, in it ${ours}: each record in its own trace, with its own key and error`, async () => {
      const consumer = kafkaConsumer<string, Order>(handler, JSON_VALUES);
      await assert.rejects(() => consumer(typed(make(["1", "2", "3"])), invocation), {
        name: "RangeError",
        message: "no such order",
      });
      for (const sender of ["1", "2", "3"]) {
        const process = above(`order-${sender} is ${sender}`);
        assert.equal(process.parentSpanContext?.spanId, sender.repeat(16));
        assert.equal(process.name, "process orders");
        assert.equal(process.attributes["messaging.kafka.message.key"], `order-${sender}`);
        assert.equal(process.attributes["messaging.kafka.offset"], 14 + Number(sender));
        assert.equal(process.status.code, sender === "3" ? 2 : 0);
      }
      const batches = sdk.spans().filter(({ name, parentSpanContext }) => {
        return name === "process orders" && parentSpanContext === undefined;
      });
      assert.deepEqual(
        batches.map(({ links }) => links.map(({ context }) => context.traceId[0])),
        ours === "processMessage alone" ? [] : [["1", "2", "3"]],
      );
      const now = await counted();
      assert.equal(now - countedBefore, 3);
      countedBefore = now;
      assert.equal(sdk.open().length, 0);
    });
  }
}

test("a dead letter of a record of Powertools' Kafka consumer holds the bytes that came, though they can't be deserialized", async () => {
  const event = mskEvent(["1"]);
  const [raw] = event.records["orders-0"] as [MSKRecord];
  raw.value = Buffer.from("{broken").toString("base64");
  const letters: { key: Buffer; value: Buffer; headers: object }[] = [];
  const consumer = kafkaConsumer<string, Order>(async ({ records }) => {
    for (const record of records) {
      await processMessage(record, async () => {
        try {
          mark(record.value.order);
        } catch (error) {
          letters.push(deadLetter(record, error) as (typeof letters)[number]);
        }
      });
    }
  }, strict);
  await consumer(typed(event), invocation);
  assert.equal(String(letters[0]?.value), "{broken");
  assert.equal(String(letters[0]?.key), "order-1");
  const [process] = sdk.spans();
  assert.equal(process?.attributes["messaging.kafka.message.tombstone"], undefined);
  const headers = Object.entries(letters[0]?.headers ?? {});
  const origin = deadLetterOf({
    ...raw,
    headers: headers.map(([name, value]) => ({ [name]: [...Buffer.from(String(value))] })),
  });
  assert.equal(origin?.offset, "15");
  assert.equal(origin?.failed?.split("-")[2], process?.spanContext().spanId);
});
