// The span is started first and the record's context is activated afterwards: the process span is
// the root of a trace of its own, and what the handler does is in the producer's, outside of it.
import { context, SpanKind } from "@opentelemetry/api";
import { attributesOf, close, extracted, kafka, orders, placeOrders } from "../shop.ts";
import { subscribed, tracerOf, work } from "../shop.ts";

await placeOrders();
const consumer = await subscribed(kafka, orders);
await consumer.run({
  eachMessage: async ({ message }) => {
    const attributes = attributesOf("process", orders, String(message.key));
    const span = tracerOf("payments").startSpan(`process ${orders}`, {
      kind: SpanKind.CONSUMER,
      attributes,
    });
    await context.with(extracted(message.headers), () => work("charge card"));
    span.end();
  },
});
await close();
