// A record is put into a job queue as JSON. A Buffer comes out of that as an object with its bytes
// in a list, and as text it reads "[object Object]": the worker finds no context in it.
import { context, SpanKind, trace } from "@opentelemetry/api";
import type { KafkaMessage } from "kafkajs";
import { attributesOf, close, extracted, kafka, orders, placeOrders } from "../shop.ts";
import { subscribed, tracerOf, work } from "../shop.ts";

const jobs: string[] = [];

async function nextJob(): Promise<void> {
  const message = JSON.parse(jobs.shift() ?? "{}") as KafkaMessage;
  const parent = extracted(message.headers);
  const span = tracerOf("payments").startSpan(
    `process ${orders}`,
    { kind: SpanKind.CONSUMER, attributes: attributesOf("process", orders, "") },
    parent,
  );
  await context.with(trace.setSpan(parent, span), () => work("charge card"));
  span.end();
}

await placeOrders();
const consumer = await subscribed(kafka, orders);
await consumer.run({
  eachMessage: async ({ message }) => {
    jobs.push(JSON.stringify(message));
    await nextJob();
  },
});
await close();
