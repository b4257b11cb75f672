// A pool with one connection: who waits for it is called when the one before gives it back, in that
// one's scope. All orders of a batch are charged in the trace of the first. The consumer is right;
// the pool is what loses it.
import { processMessage, traced } from "throughline/kafkajs";
import { close, kafka, orders, placeOrders, subscribed, work } from "../shop.ts";

type Use = () => Promise<void>;
const waiting: Use[] = [];
let busy = false;

function connection(use: Use): void {
  waiting.push(use);
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
