import { trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import { traced } from "throughline/kafkajs";
import { createTopic } from "../../packages/throughline/test/kafka-topic.ts";
import { tracing } from "../../packages/throughline/test/sdk.ts";
import { openPage } from "./page.mjs";
import { application } from "./page-application.mjs";

// The examples of the READMEs that npm and the repository show, as they stand there.

const brokers = process.env.KAFKA_BROKERS?.split(",") ?? [];
const skip =
  brokers.length === 0 && "no real Kafka: set KAFKA_BROKERS, or install java and mvn for npm test";

describe("the READMEs on a real Kafka", { skip, timeout: 90_000 }, () => {
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
  const level = process.env.KAFKAJS_LOG_LEVEL;
  let app;
  const open = [];
  const pages = [];

  before(() => {
    // The examples' own client tells of topics that it has just heard of.
    process.env.KAFKAJS_LOG_LEVEL = "NOTHING";
  });
  beforeEach(() => {
    app = application();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.disconnect()));
    await app.observed.shutdown();
  });
  after(() => {
    if (level === undefined) delete process.env.KAFKAJS_LOG_LEVEL;
    else process.env.KAFKAJS_LOG_LEVEL = level;
    for (const each of pages) each.close();
  });

  async function connected(made) {
    await made.connect();
    open.push(made);
    return made;
  }
  /** An example with topics and a group of its own, and a producer for them. */
  async function example(page, text) {
    const orders = `orders-${randomUUID()}`;
    const letters = `${orders}.dlq`;
    for (const topic of [orders, letters]) await createTopic(kafka, topic, 1);
    const names = { orders, "orders.dlq": letters, payments: `for-${orders}` };
    pages.push(openPage(page, { names }));
    const run = await pages.at(-1).example(text);
    const producer = await connected(traced(kafka).producer());
    const send = (value) => () => producer.send({ topic: orders, messages: [{ value }] });
    const whole = (name) => [name, `process ${orders}`, `send ${orders}`, "POST /orders"];
    return { run, orders, letters, producer, send, whole };
  }
  async function subscribed(topic) {
    const consumer = await connected(traced(kafka).consumer({ groupId: `page-${topic}` }));
    await consumer.subscribe({ topic, fromBeginning: true });
    return consumer;
  }
  /** A batch's span is the root of a trace of its own: each record's stands in its sender's. */
  const assertWhole = (name, whole) => {
    const lines = app.lines(name);
    assert.ok(lines.length > 0);
    for (const line of lines) assert.deepEqual(line, whole(name));
  };

  for (const page of ["README.md", "packages/throughline/README.md"]) {
    test(`the first example of ${page} handles what arrives in its sender's trace`, async () => {
      const { run, send, whole } = await example(page, "new Kafka({ brokers })");
      const made = {};
      await run({ brokers, charge: app.handler("charge", ({ value }) => value) }, made);
      open.push(made.consumer);
      await app.requestUntil("charge", send("42"));
      await app.settled();
      assertWhole("charge", whole);
    });
  }

  test("README.md's example of a batch handles each record in its sender's trace", async () => {
    const { run, orders, send, whole } = await example("README.md", "eachBatch: async");
    const consumer = await subscribed(orders);
    for (const value of ["1", "2", "3"]) await app.request(send(value));
    await run({ consumer, charge: app.handler("charge", ({ value }) => value) });
    await app.requestUntil("charge", send("4"));
    await app.settled();
    assertWhole("charge", whole);
    const orderly = app.handled.slice(0, 3).map(({ order }) => order);
    assert.deepEqual(orderly, ["1", "2", "3"]);
  });

  test("README.md's example of dead letters tries three times, and parks the message in the last attempt's own trace", async () => {
    const all = await example("README.md", "withRetries(charge, {");
    const { run, orders, letters, producer, send, whole } = all;
    await app.request(send("unpaid"));
    const charge = app.handler("tried", ({ message }) => message.value);
    await run({ consumer: await subscribed(orders), producer, charge });
    const reader = await subscribed(letters);
    await reader.run({ eachMessage: app.handler("notified", () => "letter") });
    await app.arrived("notified");
    await app.settled();
    assert.equal(app.lines("tried").length, 3);
    assertWhole("tried", whole);
    assert.deepEqual(app.lines("notified"), [
      ["notified", `process ${letters}`, `send ${letters}`, ...whole("").slice(1)],
    ]);
  });
});

describe("README.md's example of a test", () => {
  const page = openPage("README.md");
  after(() => page.close());

  /** Runs it with a handler: the example fails as a test would. */
  async function run(charge) {
    let observed;
    class NodeTracerProvider {
      constructor({ spanProcessors }) {
        this.processors = spanProcessors;
      }
      register() {
        observed = tracing({ processors: this.processors });
      }
    }
    try {
      const example = await page.example("memoryBroker();");
      await example({ traced, NodeTracerProvider, charge });
    } finally {
      await observed.shutdown();
    }
  }
  const tracer = () => trace.getTracer("application");

  test("passes where the handler keeps the trace", async () => {
    await run(async () => tracer().startSpan("charge card").end());
  });

  test("fails where the handler breaks the trace, and where it leaves a span open", async () => {
    const broken = async () => tracer().startSpan("charge card", { root: true }).end();
    await assert.rejects(run(broken), /"charge card" in trace/);
    const left = async () => {
      tracer().startSpan("charge card").end();
      tracer().startSpan("left open");
    };
    await assert.rejects(run(left), /left open/);
  });
});
