import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import type * as client from "kafkajs";
import { processMessage, traced } from "throughline/kafkajs";
import { createTopics } from "../../services/topics.ts";
import { answer, taskGiven } from "../child.ts";
import { observe } from "./observed.ts";

const { brokers } = taskGiven() as { brokers: string[] };
const observed = await observe("@opentelemetry/instrumentation-kafkajs", "KafkaJsInstrumentation");
const { Kafka, logLevel } = createRequire(import.meta.url)("kafkajs") as typeof client;

const [each, batch] = ["each", "batch"].map((way) => `coexist-${way}-${randomUUID()}`) as [
  string,
  string,
];
await createTopics(brokers.join(","), { [each]: 1, [batch]: 1 });
const kafka = traced(new Kafka({ brokers, clientId: "coexist", logLevel: logLevel.NOTHING }));
const producer = kafka.producer();
await producer.connect();
await observed.request(async () => {
  await producer.send({ topic: each, messages: [{ value: "order" }] });
  await producer.send({ topic: batch, messages: [{ value: "order" }] });
});

const consumers = [each, batch].map((groupId) => kafka.consumer({ groupId }));
const [single, batched] = consumers as [(typeof consumers)[0], (typeof consumers)[0]];
for (const consumer of consumers) await consumer.connect();
await single.subscribe({ topic: each, fromBeginning: true });
await batched.subscribe({ topic: batch, fromBeginning: true });
await new Promise<void>((resolve, reject) => {
  const eachMessage = async (): Promise<void> => {
    observed.handling("eachMessage");
    resolve();
  };
  single.run({ eachMessage }).catch(reject);
});
await new Promise<void>((resolve, reject) => {
  const eachBatch = async ({ batch }: { batch: { messages: object[] } }): Promise<void> => {
    for (const message of batch.messages) {
      await processMessage(message, async () => observed.handling("eachBatch"));
    }
    resolve();
  };
  batched.run({ eachBatch }).catch(reject);
});
await Promise.all([producer, ...consumers].map((each) => each.disconnect()));
answer(observed.seen());
