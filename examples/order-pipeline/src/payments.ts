import { SpanStatusCode, trace } from "@opentelemetry/api";
import { type EachMessagePayload, Kafka } from "kafkajs";
import { traced, withRetries } from "throughline/kafkajs";
import { DEAD_LETTERS, DECLINED_CARD, NAME_PREFIX, orderIn, ORDERS } from "./orders.ts";
import { consumerSettings, kafkaSettings } from "./settings.ts";
import { startTelemetry } from "./telemetry.ts";

// Charges each order's card; an order that can't be paid goes to the dead letters.

const kafka = traced(new Kafka({ ...kafkaSettings, clientId: "payments" }));
const consumer = kafka.consumer({ groupId: `${NAME_PREFIX}payments`, ...consumerSettings });
const producer = kafka.producer({ allowAutoTopicCreation: true });

startTelemetry("payments", () => Promise.all([consumer.disconnect(), producer.disconnect()]));
const tracer = trace.getTracer("payments");

async function charge({ message }: EachMessagePayload): Promise<void> {
  const { card, cents } = orderIn(message.value);
  await tracer.startActiveSpan("charge card", async (span) => {
    span.setAttribute("payment.cents", cents);
    await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 10));
    const declined = card === DECLINED_CARD;
    if (declined) span.setStatus({ code: SpanStatusCode.ERROR, message: "card declined" });
    span.end();
    if (declined) throw new Error("card declined");
  });
}

await producer.connect();
await consumer.connect();
await consumer.subscribe({ topic: ORDERS, fromBeginning: true });
consumer.on(consumer.events.GROUP_JOIN, () => process.send?.({ ready: true }));
await consumer.run({
  eachMessage: withRetries(charge, {
    attempts: 2,
    delay: 20,
    deadLetter: (letter) => producer.send({ topic: DEAD_LETTERS, messages: [letter] }),
  }),
});
