// Orders are handed to a worker that was started at boot. Its loop is in no order's scope: what it
// does is the root of another trace.
import { context, SpanKind, trace } from "@opentelemetry/api";
import { EventEmitter, on } from "node:events";
import { attributesOf, close, extracted, kafka, orders, placeOrders } from "../shop.ts";
import { subscribed, tracerOf, work } from "../shop.ts";

const jobs = new EventEmitter();

async function worker(): Promise<void> {
  for await (const _ of on(jobs, "order")) await work("charge card");
}
void worker();

await placeOrders();
const consumer = await subscribed(kafka, orders);
await consumer.run({
  eachMessage: async ({ message: { headers, key } }) => {
    const parent = extracted(headers);
    const span = tracerOf("payments").startSpan(
      `process ${orders}`,
      { kind: SpanKind.CONSUMER, attributes: attributesOf("process", orders, String(key)) },
      parent,
    );
    context.with(trace.setSpan(parent, span), () => jobs.emit("order", String(key)));
    span.end();
  },
});
await close();
