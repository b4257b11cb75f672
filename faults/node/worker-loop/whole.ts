// The same, with Throughline: a job brings its context, and has a scope of its own.
import { EventEmitter, on } from "node:events";
import { injectContext, processMessage } from "throughline";
import { traced } from "throughline/kafkajs";
import { close, kafka, orders, placeOrders, subscribed, work } from "../shop.ts";

interface Job {
  readonly order: string;
  readonly headers: Record<string, string>;
}
const jobs = new EventEmitter();

async function worker(): Promise<void> {
  for await (const [job] of on(jobs, "order") as AsyncIterable<[Job]>) {
    await processMessage(job, async () => work("charge card"), {
      system: "jobs",
      destination: "charges",
    });
  }
}
void worker();

await placeOrders();
const consumer = await subscribed(traced(kafka), orders);
await consumer.run({
  eachMessage: async ({ message }) => {
    jobs.emit("order", { order: String(message.key), headers: injectContext({}) });
  },
});
await close();
