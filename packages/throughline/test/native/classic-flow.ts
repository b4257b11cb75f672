import type { Message } from "node-rdkafka";
import { type Classic, connected, disconnected, produced } from "./classic-clients.ts";
import { type OpenFlow, SESSION_TIMEOUT_MS } from "../kafka-outage.ts";

/** Sends by the high-level producer, handles in listeners for `data`, commits by itself. */
export function classicFlow(client: Classic): OpenFlow {
  return async (wrap, brokers, topic, group) => {
    const settings = { "bootstrap.servers": brokers };
    // Not idempotent: after a restart such a producer of librdkafka's now and then reports on nothing
    // until its messages time out, five minutes later.
    const producer = await connected(wrap(new client.HighLevelProducer(settings)));
    const consumer = wrap(
      new client.KafkaConsumer(
        {
          ...settings,
          "group.id": group,
          "enable.auto.commit": false,
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
      // It keeps the event loop until the broker has answered: only where there is one.
      async settle() {
        const offsets = [...last.values()].map(({ partition, offset }) => ({
          topic,
          partition,
          offset: offset + 1,
        }));
        if (offsets.length > 0) consumer.commitSync(offsets);
      },
      async close() {
        await Promise.all([disconnected(consumer), disconnected(producer)]);
      },
    };
  };
}
