// The same, with Throughline: a scope for each record.
import { processMessage, traced } from "throughline/kafkajs";
import { close, kafka, orders, placeOrders, subscribed, work } from "../shop.ts";

await placeOrders();
const consumer = await subscribed(traced(kafka), orders);
await consumer.run({
  eachBatch: async ({ batch }) => {
    for (const message of batch.messages) {
      await processMessage(message, async () => work("charge card"));
    }
  },
});
await close();
