import { randomUUID } from "node:crypto";
import * as client from "@platformatic/kafka";
import { processMessage, traced } from "throughline/platformatic";
import { answer, taskGiven } from "../child.ts";
import { observe } from "./observed.ts";

const { brokers } = taskGiven() as { brokers: string[] };
const observed = await observe("@platformatic/kafka-opentelemetry", "KafkaInstrumentation");

const base = { clientId: "coexist", bootstrapBrokers: brokers };
const topic = `coexist-${randomUUID()}`;
const admin = new client.Admin(base);
await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 });
await admin.close();

const serializers = client.stringSerializers;
const bare = new client.Producer({ ...base, serializers });
const producer = traced(bare);
const again = new client.Producer({ ...base, serializers });
const bothAsTheyAre = producer === bare && traced(again) === again;
await observed.request(() =>
  producer.send({
    messages: [1, 2].map((order) => ({ topic, key: `${order}`, value: "order", headers: {} })),
  }),
);

const deserializers = client.stringDeserializers;
const consumer = traced(new client.Consumer({ ...base, groupId: topic, deserializers }));
const stream = await consumer.consume({ topics: [topic], mode: "earliest" });
for await (const message of stream) {
  await processMessage(message, async () => observed.handling(`order ${message.key}`));
  if (message.key === "2") break;
}
await consumer.close(true);
await Promise.all([producer.close(), again.close()]);
answer(observed.seen({ bothAsTheyAre }));
