import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openPage } from "./page.mjs";
import { application } from "./page-application.mjs";

const page = "docs/confluent.md";
const native = process.env.THROUGHLINE_NATIVE;
const brokers = process.env.KAFKA_BROKERS;

/** Why the page's examples can't run here; undefined where they can. */
export function lacking(client) {
  if (!native) return `${client} is not built: npm run native builds it`;
  if (!brokers) return "no real Kafka: set KAFKA_BROKERS, or install java and mvn for npm test";
  return undefined;
}

/** A compiled client's package as it is built, and the page whose examples import it. */
export function opened(client, names) {
  const loaded = createRequire(join(native, "package.json"))(client);
  const built = { [client]: join(native, "node_modules", client) };
  return { loaded, examples: openPage(page, { names, built }) };
}

/** Unique names, for the Kafka may be somebody's own. */
export function unique() {
  const orders = `orders-${randomUUID()}`;
  return { orders, names: { orders, "orders.dlq": `${orders}.dlq`, payments: `for-${orders}` } };
}

/** The classic examples of docs/confluent.md, as they stand on that page, on a real Kafka. */
export function compiledPage({ client, subpath }) {
  const skip = lacking(client) ?? false;
  describe(`${page}, with ${client} on a real Kafka`, { skip, timeout: 90_000 }, () => {
    const { orders, names } = unique();
    const letters = names["orders.dlq"];
    const settings = {
      "metadata.broker.list": brokers,
      "group.id": names.payments,
    };
    let app;
    let rdkafka;
    let examples;
    let traced;
    const open = [];

    before(async () => {
      app = application();
      const { loaded, examples: found } = opened(client, names);
      [rdkafka, examples] = [loaded, found];
      ({ traced } = await import(subpath));
      await createTopics(rdkafka, settings, [orders, letters]);
    });
    after(async () => {
      await Promise.all(open.map(disconnected));
      examples.close();
      await app.observed.shutdown();
    });

    async function connected(made) {
      open.push(made);
      made.connect();
      await once(made, "ready");
      return made;
    }
    function consumer(group) {
      const own = { ...settings, "group.id": group };
      return traced(new rdkafka.KafkaConsumer(own, { "auto.offset.reset": "earliest" }));
    }
    async function consume(made, topic) {
      await connected(made);
      made.subscribe([topic]);
      made.consume();
    }
    const whole = (name) => [name, `process ${orders}`, `send ${orders}`, "POST /orders"];

    test("the example with callbacks connects, sends, and handles what was sent in its trace", async () => {
      const run = await examples.example("new rdkafka.KafkaConsumer(settings");
      const made = {};
      const handled = app.handler("charge", ({ value }) => value);
      const running = run({ settings, charge: handled }, made);
      open.push(made.consumer, made.producer);
      await running;
      await once(made.producer, "ready");
      await app.requestUntil("charge", () => {
        made.producer.produce(orders, null, Buffer.from("43"));
      });
      await app.settled();
      for (const line of app.lines("charge")) assert.deepEqual(line, whole("charge"));
      assert.ok(
        app.observed.spans().some(({ name, parentSpanContext }) => {
          return name === `send ${orders}` && parentSpanContext === undefined;
        }),
        "the example's own message was not sent",
      );
      await Promise.all(open.splice(0).map(disconnected));
    });

    test("the example of dead letters tries twice, each attempt in a span beside the other, and parks the message in the last one's trace", async () => {
      const run = await examples.example(
        "withRetries(charge, {\n    attempts: 2,\n    deadLetter: ({",
      );
      const producer = await connected(traced(new rdkafka.Producer(settings, {})));
      const [reader, failing] = [consumer(`letters-${orders}`), consumer(`dead-${orders}`)];
      const charge = app.handler("tried", ({ value }) => value);
      await run({ consumer: failing, producer, charge });
      reader.on(
        "data",
        app.handler("notified", () => "letter"),
      );
      await consume(failing, orders);
      await consume(reader, letters);
      await app.request(() => producer.produce(orders, null, Buffer.from("unpaid")));
      await app.arrived("notified");
      await app.settled();
      assert.deepEqual(app.lines("notified"), [
        ["notified", `process ${letters}`, `send ${letters}`, ...whole("").slice(1)],
      ]);
      assert.equal(app.handled.filter(({ order }) => order === "unpaid").length, 2);
      const processes = app.observed.spans().filter(({ name, status }) => {
        return name === `process ${orders}` && status.code === 2;
      });
      assert.equal(processes.length, 2);
    });
  });
}

export function disconnected(client) {
  return new Promise((resolve) => {
    if (client.isConnected()) client.disconnect(() => resolve());
    else resolve();
  });
}

export async function createTopics({ AdminClient }, settings, topics) {
  const admin = AdminClient.create({ "metadata.broker.list": settings["metadata.broker.list"] });
  for (const topic of topics) {
    await new Promise((resolve, reject) => {
      const made = { topic, num_partitions: 1, replication_factor: 1 };
      admin.createTopic(made, (error) => (error ? reject(error) : resolve()));
    });
  }
  admin.disconnect();
}
