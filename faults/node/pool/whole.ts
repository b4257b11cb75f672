// The same, where the pool binds what waits to the scope in which it was handed over.
import { context } from "@opentelemetry/api";
import { processMessage, traced } from "throughline/kafkajs";
import { close, kafka, orders, placeOrders, subscribed, work } from "../shop.ts";

type Use = () => Promise<void>;
const waiting: Use[] = [];
let busy = false;

function connection(use: Use): void {
  waiting.push(context.bind(context.active(), use));
  if (!busy) void next();
}

async function next(): Promise<void> {
  const use = waiting.shift();
  busy = use !== undefined;
  await use?.();
  if (busy) await next();
}

const charge = (): Promise<void> =>
  new Promise((resolve) => connection(() => work("charge card").then(resolve)));

await placeOrders();
const consumer = await subscribed(traced(kafka), orders);
await consumer.run({
  eachBatch: async ({ batch }) => {
    await Promise.all(batch.messages.map((message) => processMessage(message, charge)));
  },
});
await close();
