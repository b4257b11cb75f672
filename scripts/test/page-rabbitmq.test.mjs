import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { connect } from "amqplib";
import { traced } from "throughline/amqplib";
import { openPage } from "./page.mjs";
import { application } from "./page-application.mjs";

// The examples of docs/rabbitmq.md, as they stand on that page, on a real RabbitMQ.

const url = process.env.AMQP_URL;
const skip = !url && "no RabbitMQ: set AMQP_URL, or apt-get install rabbitmq-server for npm test";

describe("docs/rabbitmq.md on a real RabbitMQ", { skip, timeout: 60_000 }, () => {
  let app;
  let connection;
  const pages = [];

  before(async () => {
    app = application();
    connection = traced(await connect(url));
  });
  after(async () => {
    await connection.close();
    for (const page of pages) page.close();
    await app.observed.shutdown();
  });

  /** An example with a queue of its own: each client declares it in its own way. */
  async function example(text) {
    const orders = `orders-${randomUUID()}`;
    const page = openPage("docs/rabbitmq.md", { names: { orders, "orders.dlq": `${orders}.dlq` } });
    pages.push(page);
    const whole = (name) => [name, `process ${orders}`, `send ${orders}`, "POST /orders"];
    return { run: await page.example(text), orders, whole };
  }

  test("the example of amqplib sends a message, and handles it in its sender's trace", async () => {
    const { run, whole } = await example("connect(url)");
    const made = {};
    await app.request(() => run({ url, charge: app.handler("charge", (order) => order) }, made));
    await app.arrived("charge");
    await app.settled();
    assert.deepEqual(app.lines("charge"), [whole("charge")]);
    await made.connection.close();
  });

  test("the example of rabbitmq-client sends a message, and handles it in its sender's trace", async () => {
    const { run, orders, whole } = await example("new Connection(url)");
    const made = {};
    await app.request(() => run({ url, charge: app.handler("again", (order) => order) }, made));
    // What is sent before the consumer has declared its queue goes nowhere.
    await app.requestUntil("again", () => made.publisher.send(orders, "43"));
    await app.settled();
    for (const line of app.lines("again")) assert.deepEqual(line, whole("again"));
    await made.publisher.close();
    await made.consumer.close();
    await made.rabbit.close();
  });

  test("the example of dead letters tries twice, and parks the message in the last attempt's own trace", async () => {
    const { run, orders, whole } = await example("withRetries(");
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(orders);
    await run({ channel, charge: app.handler("tried", ({ content }) => content) });
    const notified = app.handler("notified", () => "letter");
    await channel.consume(`${orders}.dlq`, notified, { noAck: true });
    await app.request(() => channel.sendToQueue(orders, Buffer.from("unpaid")));
    await app.arrived("notified");
    await app.settled();
    assert.deepEqual(app.lines("tried"), [whole("tried"), whole("tried")]);
    assert.deepEqual(app.lines("notified"), [
      ["notified", `process ${orders}.dlq`, `send ${orders}.dlq`, ...whole("").slice(1)],
    ]);
    await channel.deleteQueue(orders);
    await channel.deleteQueue(`${orders}.dlq`);
  });
});
