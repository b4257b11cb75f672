// The same, with Throughline.
import { traced } from "throughline/kafkajs";
import { close, kafka, orders, placeOrders, subscribed, work } from "../shop.ts";

await placeOrders((own) => ({ traceparent: [own["traceparent"] ?? "", own["traceparent"] ?? ""] }));
const consumer = await subscribed(traced(kafka), orders);
await consumer.run({ eachMessage: async () => work("charge card") });
await close();
