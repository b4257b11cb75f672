import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { traced } from "throughline/confluent";
import { createTopics, lacking, opened, unique } from "./page-classic.mjs";
import { application } from "./page-application.mjs";

// The examples with promises of docs/confluent.md, as they stand on that page, on a real Kafka. Those
// with callbacks are run with node-rdkafka, whose package they name.

const client = "@confluentinc/kafka-javascript";
const brokers = process.env.KAFKA_BROKERS?.split(",") ?? [];

describe(
  "docs/confluent.md on a real Kafka",
  { skip: lacking(client) ?? false, timeout: 90_000 },
  () => {
    const { orders, names } = unique();
    const letters = names["orders.dlq"];
    let app;
    let examples;
    let kafka;
    const open = [];

    before(async () => {
      app = application();
      const { loaded, examples: found } = opened(client, names);
      examples = found;
      const { Kafka, logLevel } = loaded.KafkaJS;
      kafka = traced(new Kafka({ kafkaJS: { brokers, logLevel: logLevel.NOTHING } }));
      const settings = { "metadata.broker.list": brokers.join(",") };
      await createTopics(loaded.RdKafka, settings, [orders, letters]);
    });
    after(async () => {
      await Promise.all(open.map((each) => each.disconnect()));
      examples.close();
      await app.observed.shutdown();
    });

    async function connected(made) {
      await made.connect();
      open.push(made);
      return made;
    }
    async function subscribed(topic) {
      const kafkaJS = { groupId: `page-${topic}`, fromBeginning: true };
      const consumer = await connected(kafka.consumer({ kafkaJS }));
      await consumer.subscribe({ topic });
      return consumer;
    }
    const whole = (name) => [name, `process ${orders}`, `send ${orders}`, "POST /orders"];
    const send = (producer, value) => () => producer.send({ topic: orders, messages: [{ value }] });

    test("the example with promises connects, sends, and handles what was sent in its trace", async () => {
      const run = await examples.example("kafka.producer();");
      const made = {};
      const charge = app.handler("charge", ({ value }) => value);
      await app.request(() => run({ brokers, charge }, made));
      open.push(made.consumer, made.producer);
      await app.requestUntil("charge", send(made.producer, "43"));
      await app.settled();
      for (const line of app.lines("charge")) assert.deepEqual(line, whole("charge"));
      await Promise.all(open.splice(0).map((each) => each.disconnect()));
    });

    test("the example of dead letters tries twice, each attempt in a span beside the other, and parks the message in the last one's trace", async () => {
      const run = await examples.example(
        'producer.send({ topic: "orders.dlq", messages: [letter] })',
      );
      const producer = await connected(kafka.producer());
      const consumer = await subscribed(orders);
      const charge = app.handler("tried", ({ message }) => message.value);
      await run({ consumer, producer, charge });
      const reader = await subscribed(letters);
      const notify = app.handler("notified", () => "letter");
      await reader.run({ eachMessage: notify });
      await app.request(send(producer, "unpaid"));
      await app.arrived("notified");
      await app.settled();
      for (const line of app.lines("tried"))
        assert.deepEqual(line.slice(0, 3), whole("tried").slice(0, 3));
      assert.deepEqual(app.lines("notified"), [
        ["notified", `process ${letters}`, `send ${letters}`, ...whole("").slice(1)],
      ]);
      assert.equal(app.handled.filter(({ order }) => order === "unpaid").length, 2);
    });
  },
);
