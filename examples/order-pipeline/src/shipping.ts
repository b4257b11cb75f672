import { trace } from "@opentelemetry/api";
import { Kafka } from "kafkajs";
import { processMessage, traced } from "throughline/kafkajs";
import { NAME_PREFIX, orderIn, ORDERS } from "./orders.ts";
import { consumerSettings, kafkaSettings } from "./settings.ts";
import { startTelemetry } from "./telemetry.ts";

// Packs orders batch by batch, each order in its own scope.

const kafka = traced(new Kafka({ ...kafkaSettings, clientId: "shipping" }));
const consumer = kafka.consumer({ groupId: `${NAME_PREFIX}shipping`, ...consumerSettings });

startTelemetry("shipping", () => consumer.disconnect());
const tracer = trace.getTracer("shipping");

async function pack(value: Buffer | null): Promise<void> {
  const { item } = orderIn(value);
  await tracer.startActiveSpan("pack parcel", async (span) => {
    span.setAttribute("parcel.item", item);
    await new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 5));
    span.end();
  });
}

await consumer.connect();
await consumer.subscribe({ topic: ORDERS, fromBeginning: true });
consumer.on(consumer.events.GROUP_JOIN, () => process.send?.({ ready: true }));
await consumer.run({
  eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
    for (const message of batch.messages) {
      await processMessage(message, async () => pack(message.value));
      resolveOffset(message.offset);
      await heartbeat();
    }
  },
});
