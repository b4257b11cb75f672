// The same, with Throughline: a scope is a call, and ends with it however that ends.
import { processMessage, traced } from "throughline/kafkajs";
import { close, kafka, orders, placeOrders, subscribed, work } from "../shop.ts";

async function charge(key: string): Promise<void> {
  await work("charge card");
  if (key === "order-1") throw new Error("card declined");
}

await placeOrders((own, number) => (number === 1 ? own : {}));
const consumer = await subscribed(traced(kafka), orders);
await consumer.run({
  eachBatch: async ({ batch }) => {
    for (const message of batch.messages) {
      try {
        await processMessage(message, async () => charge(String(message.key)));
      } catch {
        // Declined: support calls the customer.
      }
    }
  },
});
await close();
