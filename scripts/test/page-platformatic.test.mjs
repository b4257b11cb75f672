import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import * as client from "@platformatic/kafka";
import { processMessage, traced } from "throughline/platformatic";
import { openPage } from "./page.mjs";
import { application } from "./page-application.mjs";

// The examples of docs/platformatic.md, as they stand on that page, on a real Kafka.

const bootstrapBrokers = process.env.KAFKA_BROKERS?.split(",") ?? [];
const skip =
  bootstrapBrokers.length === 0 &&
  "no real Kafka: set KAFKA_BROKERS, or install java and mvn for npm test";
const orders = `orders-${randomUUID()}`;
const names = { orders, "orders.dlq": `${orders}.dlq`, payments: `payments-${orders}` };
const { Admin, Consumer, Producer, stringDeserializers, stringSerializers } = client;
const base = { clientId: "page", bootstrapBrokers };

describe("docs/platformatic.md on a real Kafka", { skip, timeout: 60_000 }, () => {
  let app;
  let page;
  const open = [];

  before(async () => {
    app = application();
    page = openPage("docs/platformatic.md", { names });
    const admin = new Admin(base);
    await admin.createTopics({ topics: [orders, `${orders}.dlq`], partitions: 1, replicas: 1 });
    await admin.close();
  });
  after(async () => {
    for (const each of open.toReversed()) await each.close(true);
    page.close();
    await app.observed.shutdown();
  });

  const producing = () => {
    const producer = traced(new Producer({ ...base, serializers: stringSerializers }));
    open.push(producer);
    return producer;
  };
  async function reading(topic, mode) {
    const groupId = `page-${randomUUID()}`;
    const consumer = traced(new Consumer({ ...base, groupId, deserializers: stringDeserializers }));
    open.push(consumer);
    const stream = await consumer.consume({ topics: [topic], mode });
    return stream;
  }
  const sends = (producer, value) => () => producer.send({ messages: [{ topic: orders, value }] });
  const whole = (name) => [name, `process ${orders}`, `send ${orders}`, "POST /orders"];

  test("the first example handles what its producer sends in the producer's trace", async () => {
    const run = await page.example("await message.commit();");
    const made = {};
    const running = run({ bootstrapBrokers, charge: app.handler("first", (text) => text) }, made);
    await app.requestUntil("first", async () => {
      // Made by the example when it gets there.
      if (made.producer) await sends(made.producer, "42")();
    });
    await made.stream.close();
    await running;
    await made.consumer.close(true);
    await made.producer.close();
    for (const line of app.lines("first")) assert.deepEqual(line, whole("first"));
  });

  test("the example of other ways to read a stream handles each message in its trace, both ways", async () => {
    const run = await page.example('stream.on("data"');
    const stream = await reading(orders, "latest");
    const running = run({ stream, charge: app.handler("other ways", ({ value }) => value) });
    await app.requestUntil("other ways", sends(producing(), "43"));
    await stream.close();
    await running;
    const lines = app.lines("other ways");
    assert.ok(lines.length >= 2);
    for (const line of lines) assert.deepEqual(line, whole("other ways"));
  });

  test("the example of dead letters tries three times, and parks the message in the last attempt's own trace", async () => {
    const run = await page.example("withRetries(");
    const [producer, stream] = [producing(), await reading(orders, "latest")];
    const running = run({
      producer,
      stream,
      charge: app.handler("tried", ({ value }) => value),
    });
    const letters = await reading(`${orders}.dlq`, "earliest");
    const notified = app.handler("notified", () => "letter");
    letters.on("data", (message) => void processMessage(message, notified));
    await app.requestUntil("notified", sends(producer, "unpaid"));
    await stream.close();
    await running;
    await letters.close();
    for (const line of app.lines("tried")) assert.deepEqual(line, whole("tried"));
    const [line] = app.lines("notified");
    assert.deepEqual(line, [
      "notified",
      `process ${orders}.dlq`,
      `send ${orders}.dlq`,
      ...whole("tried").slice(1),
    ]);
    assert.equal(app.observed.open().length, 0);
  });
});
