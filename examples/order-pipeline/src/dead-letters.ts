import { trace } from "@opentelemetry/api";
import { Kafka } from "kafkajs";
import { deadLetterOf, traced } from "throughline/kafkajs";
import { DEAD_LETTERS, NAME_PREFIX } from "./orders.ts";
import { consumerSettings, kafkaSettings } from "./settings.ts";
import { startTelemetry } from "./telemetry.ts";

// Tells a person about every order that could not be paid.

const kafka = traced(new Kafka({ ...kafkaSettings, clientId: "dead-letters" }));
const consumer = kafka.consumer({ groupId: `${NAME_PREFIX}dead-letters`, ...consumerSettings });

startTelemetry("dead-letters", () => consumer.disconnect());
const tracer = trace.getTracer("dead-letters");

await consumer.connect();
await consumer.subscribe({ topic: DEAD_LETTERS, fromBeginning: true });
consumer.on(consumer.events.GROUP_JOIN, () => process.send?.({ ready: true }));
await consumer.run({
  eachMessage: async ({ message }) => {
    const origin = deadLetterOf(message);
    const span = tracer.startSpan("notify support");
    span.setAttribute("support.reason", origin?.errorMessage ?? "unknown");
    span.setAttribute(
      "support.record",
      `${origin?.destination}/${origin?.partition}@${origin?.offset}`,
    );
    span.end();
  },
});
