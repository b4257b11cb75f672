import type { Message } from "node-rdkafka";
import { once } from "node:events";
import { type Classic, connected, disconnected, produced } from "./classic-clients.ts";
import { type OpenFlow, SESSION_TIMEOUT_MS } from "../kafka-outage.ts";

/** The longest that a group may take to answer a commit, before it is asked again. */
const ANSWER_MS = 10_000;

/** Sends by the high-level producer, handles in listeners for `data`, commits by itself. */
export function classicFlow(client: Classic): OpenFlow {
  return async (wrap, brokers, topic, group) => {
    const settings = { "bootstrap.servers": brokers };
    // Not idempotent: node-rdkafka's once did not come back from an outage (decisions/0034).
    const producer = await connected(wrap(new client.HighLevelProducer(settings)));
    const consumer = wrap(
      new client.KafkaConsumer(
        {
          ...settings,
          "group.id": group,
          "enable.auto.commit": false,
          offset_commit_cb: true,
          "session.timeout.ms": SESSION_TIMEOUT_MS,
        },
        { "auto.offset.reset": "earliest" },
      ),
    );
    const last = new Map<number, Message>();
    return {
      send: (value, partition) =>
        produced(producer, topic, { value: Buffer.from(value), partition }),
      async consume(handler) {
        await connected(consumer);
        consumer.subscribe([topic]);
        const data = (message: Message): unknown => {
          last.set(message.partition, message);
          return handler(message.value?.toString() ?? "");
        };
        consumer.on("data", data);
        consumer.consume();
      },
      async abandon(meanwhile) {
        const leaving = await connected(wrap(new client.HighLevelProducer(settings)));
        meanwhile();
        leaving.produce(topic, 0, Buffer.from("1"), null, null, () => {});
        await new Promise<void>((resolve) => leaving.disconnect(100, () => resolve()));
      },
      // Not by commitSync(): that keeps the event loop until a broker has answered, however long.
      async settle() {
        const offsets = [...last.values()].map(({ partition, offset }) => ({
          topic,
          partition,
          offset: offset + 1,
        }));
        if (offsets.length === 0) return;
        const signal = AbortSignal.timeout(ANSWER_MS);
        const answer = once(consumer, "offset.commit", { signal });
        consumer.commit(offsets);
        const [error] = (await answer) as [Error | null];
        if (error) throw error;
      },
      async close() {
        await Promise.all([disconnected(consumer), disconnected(producer)]);
      },
    };
  };
}
