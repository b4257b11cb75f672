// A process span without a kind is INTERNAL: the trace is whole, and no backend can tell that a
// message was received in it. Its queue time, its service map and its hop are missing.
import { context, trace } from "@opentelemetry/api";
import { close, extracted, kafka, orders, placeOrders } from "../shop.ts";
import { subscribed, tracerOf, work } from "../shop.ts";

await placeOrders();
const consumer = await subscribed(kafka, orders);
await consumer.run({
  eachMessage: async ({ message }) => {
    const parent = extracted(message.headers);
    const span = tracerOf("payments").startSpan(`process ${orders}`, {}, parent);
    await context.with(trace.setSpan(parent, span), () => work("charge card"));
    span.end();
  },
});
await close();
