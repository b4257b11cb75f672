// What docs/node.md says of addons, seen with one whose callbacks come out of a thread of its own:
// kafka-crab-js, which is librdkafka.
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { after, before, test } from "node:test";
import { KafkaClient } from "kafka-crab-js";
import { startEmbeddedKafka } from "../../services/embedded-kafka/start.ts";
import { createTopics } from "../../services/topics.ts";

const TOPIC = `native-${process.pid}-${Date.now()}`;
const timeout = 60_000;
/** What OpenTelemetry's context manager is made of. */
const scope = new AsyncLocalStorage<string>();

let brokers: string;
let stop = async (): Promise<void> => {};
before(async () => {
  const given = process.env["KAFKA_BROKERS"];
  if (given) brokers = given;
  else ({ brokers, stop } = await startEmbeddedKafka());
  await createTopics(brokers, { [TOPIC]: 1 });
});
after(() => stop());

test(
  "a callback that an addon keeps runs in no scope at all, unless it was bound",
  { timeout },
  async () => {
    const client = new KafkaClient({ brokers, clientId: "native", logLevel: "error" });
    const consumer = client.createConsumer({ groupId: TOPIC });
    const seen = new Promise<(string | undefined)[]>((resolve) => {
      let bound: () => string | undefined;
      scope.run("the message's", () => {
        bound = AsyncLocalStorage.bind(() => scope.getStore());
        consumer.onEvents(() => resolve([scope.getStore(), bound()]));
      });
    });
    try {
      // That the group is joined is an event.
      await consumer.subscribe(TOPIC);
      const received = scope.run("the loop's", async () => {
        await consumer.recv();
        return scope.getStore();
      });
      assert.deepEqual(await seen, [undefined, "the message's"]);
      await consumer.disconnect(); // which ends recv() with nothing
      assert.equal(await received, "the loop's");
    } finally {
      await consumer.disconnect();
    }
  },
);
