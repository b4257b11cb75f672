import { trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { injectContext, processMessage, traced } from "throughline/lambda";
import { bridgeEvent, mskEvent, sqsEvent } from "../../packages/throughline/test/lambda-events.ts";
import { openPage } from "./page.mjs";
import { application } from "./page-application.mjs";

// The examples of docs/lambda.md, as they stand on that page, on events as AWS documents them.

const invocation = { getRemainingTimeInMillis: () => 1000, functionName: "payments" };
const whole = (name) => [name, "process orders", "POST /orders"];

let app;
let page;
before(() => (page = openPage("docs/lambda.md")));
beforeEach((t) => {
  app = application();
  t.after(() => app.observed.shutdown());
});
after(() => page.close());

/** A queue's messages, sent by a request each. */
async function queued(...bodies) {
  const event = sqsEvent(Object.fromEntries(bodies.map((body) => [body, "1"])));
  for (const { messageAttributes } of event.Records) {
    await app.request(() => {
      messageAttributes.traceparent.stringValue = injectContext({}).traceparent;
    });
  }
  return event;
}

const bodyOf = ({ body }) => body;

test("the first example handles each message in its sender's trace, and reports the one that fails", async () => {
  const run = await page.example("eachRecord((record: SQSRecord)");
  const made = {};
  await run({ charge: app.handler("charge", bodyOf) }, made);
  const answer = await made.handler(await queued("1", "unpaid", "3"), invocation);
  assert.deepEqual(answer, { batchItemFailures: [{ itemIdentifier: "id-of-unpaid" }] });
  assert.deepEqual(
    app.lines("charge"),
    Array.from({ length: 3 }, () => whole("charge")),
  );
});

test("the example of a handler of one's own handles each message in its sender's trace, the call linked to each", async () => {
  const run = await page.example("for (const record of event.Records)");
  const made = {};
  await run({ charge: app.handler("charge", bodyOf) }, made);
  await made.handler(await queued("1", "2"), invocation);
  assert.deepEqual(app.lines("charge"), [whole("charge"), whole("charge")]);
  const call = app.observed
    .spans()
    .find(({ name, parentSpanContext }) => name === "process orders" && !parentSpanContext);
  assert.equal(call.links.length, 2);
});

test("the example of Powertools' batch processor handles each message in its sender's trace, and reports the one that fails", async () => {
  const run = await page.example("new BatchProcessor(EventType.SQS)");
  const made = {};
  await run({ charge: app.handler("charge", bodyOf) }, made);
  const answer = await made.handler(await queued("1", "unpaid"), invocation);
  assert.deepEqual(answer, { batchItemFailures: [{ itemIdentifier: "id-of-unpaid" }] });
  assert.deepEqual(app.lines("charge"), [whole("charge"), whole("charge")]);
});

test("the example of Powertools' Kafka consumer handles each record, deserialized, in its sender's trace", async () => {
  const run = await page.example("kafkaConsumer<string, { id: string }>(");
  const made = {};
  await run({ charge: app.handler("charge", ({ value }) => value.order) }, made);
  const event = mskEvent(["1", "2"]);
  for (const record of event.records["orders-0"]) {
    await app.request(() => {
      record.headers[0].traceparent = [...Buffer.from(injectContext({}).traceparent)];
    });
  }
  await made.handler(event, invocation);
  assert.deepEqual(
    app.handled.map(({ order }) => order),
    ["1", "2"],
  );
  assert.deepEqual(app.lines("charge"), [whole("charge"), whole("charge")]);
});

test("an event whose detail is the EventBridge example's is handled in its publisher's trace", async () => {
  const run = await page.example("Detail: JSON.stringify(injectContext(order))");
  const made = {};
  const order = { id: "7" };
  await app.request(() => run({ order }, made));
  const event = bridgeEvent(JSON.parse(made.entry.Detail));
  await traced(app.handler("charge", ({ detail }) => detail.id))(event);
  assert.deepEqual(app.handled, [{ name: "charge", order: "7" }]);
  const line = ["charge", `process ${event.source}`, "POST /orders"];
  assert.deepEqual(app.lines("charge"), [line]);
  assert.deepEqual(order, { id: "7" });
});

test("the example of exporting flushes once the call's span has ended, also where its handler fails", async () => {
  const run = await page.example("await provider.forceFlush();");
  const made = {};
  const charge = app.handler("charge", bodyOf);
  const work = async ({ Records }) => {
    assert.ok(trace.getActiveSpan()?.isRecording());
    for (const record of Records) await processMessage(record, charge);
    return "done";
  };
  const open = [];
  const provider = { forceFlush: async () => void open.push(app.observed.open().length) };
  await run({ provider, work }, made);
  assert.equal(await made.handler(await queued("1")), "done");
  await assert.rejects(made.handler(await queued("unpaid")), { message: "card declined" });
  assert.deepEqual(open, [0, 0]);
  assert.deepEqual(app.lines("charge"), [whole("charge"), whole("charge")]);
});
