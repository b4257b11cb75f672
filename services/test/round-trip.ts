import { Kafka, logLevel } from "kafkajs";
import type { IHeaders, KafkaMessage } from "kafkajs";

export const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const client = (brokers: string): Kafka =>
  new Kafka({ brokers: brokers.split(","), logLevel: logLevel.NOTHING });

export async function send(brokers: string, topic: string, headers: IHeaders): Promise<void> {
  const producer = client(brokers).producer();
  await producer.connect();
  try {
    await producer.send({ topic, messages: [{ key: "order-1", value: "one", headers }] });
  } finally {
    await producer.disconnect();
  }
}

/** The first record of a topic, read by a group of its own. */
export async function receive(brokers: string, topic: string): Promise<KafkaMessage> {
  const consumer = client(brokers).consumer({ groupId: `reads-${topic}-${Date.now()}` });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    return await new Promise((resolve, reject) => {
      // A broker that is just back may still be loading its groups: kafkajs then starts again itself.
      consumer.on("consumer.crash", ({ payload }) => {
        if (!payload.restart) reject(payload.error);
      });
      void consumer.run({ eachMessage: async ({ message }) => resolve(message) });
    });
  } finally {
    await consumer.disconnect();
  }
}
