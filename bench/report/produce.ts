import { randomBytes } from "node:crypto";
import { Kafka, logLevel, type Message } from "kafkajs";
import { createTopics } from "../../services/topics.ts";
import type { Stock } from "./consume.ts";

const PER_SEND = 1000;

const hex = (bytes: number): string => randomBytes(bytes).toString("hex");

function order(at: number): Message {
  return {
    key: `order-${at}`,
    value: JSON.stringify({ id: at, sku: hex(4), quantity: 1 + (at % 5) }),
    headers: {
      "content-type": "application/json",
      "event-type": "order.placed",
      traceparent: `00-${hex(16)}-${hex(8)}-01`,
    },
  };
}

/** Puts orders, each of another trace, into new topics of one partition each. */
export async function produce(
  { brokers, topics, perTopic }: Stock,
  progress: (text: string) => void,
): Promise<void> {
  await createTopics(brokers, Object.fromEntries(topics.map((topic) => [topic, 1])));
  const kafka = new Kafka({ brokers: brokers.split(","), logLevel: logLevel.ERROR });
  const producer = kafka.producer();
  await producer.connect();
  try {
    for (const [at, topic] of topics.entries()) {
      progress(`producing: topic ${at + 1} of ${topics.length}`);
      for (let sent = 0; sent < perTopic; sent += PER_SEND) {
        const size = Math.min(PER_SEND, perTopic - sent);
        const messages = Array.from({ length: size }, (_, place) => order(sent + place));
        await producer.send({ topic, messages });
      }
    }
  } finally {
    await producer.disconnect();
  }
}
