import { Kafka, logLevel } from "kafkajs";
import { traced } from "throughline/kafkajs";
import { type OpenFlow, outageTests, SESSION_TIMEOUT_MS, type Wrap } from "./kafka-outage.ts";

/** Sends one by one; handles each message of three partitions at once, and commits by itself. */
const eachMessage: OpenFlow = async (wrap, servers, topic, groupId) => {
  // Patient enough for a broker that is away for a while.
  const retry = { initialRetryTime: 100, maxRetryTime: 1000, retries: 100 };
  const kafka = new Kafka({ brokers: servers.split(","), logLevel: logLevel.NOTHING, retry });
  const producer = wrap(kafka).producer();
  await producer.connect();
  // A consumer that has crashed joins as another member: it waits for the session of its old self.
  const sessionTimeout = SESSION_TIMEOUT_MS;
  const bare = kafka.consumer({ groupId, retry, sessionTimeout, maxWaitTimeInMs: 200 });
  const consumer = wrap(bare);
  const offsets = new Map<number, string>();
  return {
    send: (value, partition) => producer.send({ topic, messages: [{ value, partition }] }),
    async consume(handler) {
      const consume = async (): Promise<void> => {
        await consumer.connect();
        await consumer.subscribe({ topic, fromBeginning: true });
        await consumer.run({
          partitionsConsumedConcurrently: 3,
          eachMessage: async ({ message, partition }) => {
            await handler(message.value?.toString() ?? "");
            offsets.set(partition, String(Number(message.offset) + 1));
          },
        });
      };
      // What kafkajs takes for final, an application that must not lose anything does not.
      bare.on(bare.events.CRASH, ({ payload }) => void (payload.restart || consume()));
      await consume();
    },
    // Not by the traced consumer: a commit that comes too early would be a span that failed.
    settle: () =>
      bare.commitOffsets([...offsets].map(([partition, offset]) => ({ topic, partition, offset }))),
    close: async () => void (await Promise.all([consumer.disconnect(), producer.disconnect()])),
  };
};

outageTests({ kafkajs: eachMessage }, traced as Wrap);
