// The same, with Throughline: the job carries the context as text, and has its own scope.
import { injectContext, processMessage } from "throughline";
import { traced } from "throughline/kafkajs";
import { close, kafka, orders, placeOrders, subscribed, work } from "../shop.ts";

interface Job {
  readonly order: string;
  readonly headers: Record<string, string>;
}
const jobs: string[] = [];
const queue = { system: "jobs", destination: "charges" };

async function nextJob(): Promise<void> {
  const job = JSON.parse(jobs.shift() ?? "{}") as Job;
  await processMessage(job, async () => work("charge card"), queue);
}

await placeOrders();
const consumer = await subscribed(traced(kafka), orders);
await consumer.run({
  eachMessage: async ({ message }) => {
    jobs.push(JSON.stringify({ order: String(message.value), headers: injectContext({}) }));
    await nextJob();
  },
});
await close();
