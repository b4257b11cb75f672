import type * as confluentPackage from "@confluentinc/kafka-javascript";
import { traced } from "throughline/confluent";
import type { Classic } from "./classic-clients.ts";
import { classicFlow } from "./classic-flow.ts";
import { nativeClient } from "./client.ts";
import { type OpenFlow, outageTests, SESSION_TIMEOUT_MS, type Wrap } from "../kafka-outage.ts";

const client = nativeClient<typeof confluentPackage>("@confluentinc/kafka-javascript");
const reason = "reason" in client ? client.reason : undefined;

/** Sends and consumes by the promised interface, which commits what was handled. */
const promised: OpenFlow = async (wrap, servers, topic, groupId) => {
  if (!("built" in client)) throw new Error(reason);
  const { Kafka, logLevel } = client.built.KafkaJS;
  const config = { brokers: servers.split(","), logLevel: logLevel.NOTHING };
  const kafka = wrap(new Kafka({ kafkaJS: config }));
  const producer = kafka.producer({ kafkaJS: {} });
  await producer.connect();
  const consumer = kafka.consumer({
    kafkaJS: { groupId, fromBeginning: true, sessionTimeout: SESSION_TIMEOUT_MS },
  });
  const offsets = new Map<number, string>();
  return {
    send: (value, partition) => producer.send({ topic, messages: [{ value, partition }] }),
    async consume(handler) {
      await consumer.connect();
      await consumer.subscribe({ topic });
      await consumer.run({
        partitionsConsumedConcurrently: 3,
        eachMessage: async ({ message, partition }) => {
          await handler(message.value?.toString() ?? "");
          offsets.set(partition, String(Number(message.offset) + 1));
        },
      });
    },
    settle: () =>
      consumer.commitOffsets(
        [...offsets].map(([partition, offset]) => ({ topic, partition, offset })),
      ),
    close: async () => void (await Promise.all([consumer.disconnect(), producer.disconnect()])),
  };
};

const classic: OpenFlow = (...args) => {
  if (!("built" in client)) throw new Error(reason);
  return classicFlow(client.built as unknown as Classic)(...args);
};

outageTests({ "Confluent's KafkaJS": promised, "Confluent's RdKafka": classic }, traced as Wrap, {
  reason,
  signal: "SIGKILL",
});
