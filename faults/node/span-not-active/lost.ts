// A process span is started under the record's context and never made active: what the handler
// does becomes its sibling, and its own time says nothing about it.
import { context, SpanKind } from "@opentelemetry/api";
import { attributesOf, close, extracted, kafka, orders, placeOrders } from "../shop.ts";
import { subscribed, tracerOf, work } from "../shop.ts";

await placeOrders();
const consumer = await subscribed(kafka, orders);
await consumer.run({
  eachMessage: async ({ message }) => {
    const parent = extracted(message.headers);
    await context.with(parent, async () => {
      const attributes = attributesOf("process", orders, String(message.key));
      const span = tracerOf("payments").startSpan(
        `process ${orders}`,
        { kind: SpanKind.CONSUMER, attributes },
        parent,
      );
      await work("charge card");
      span.end();
    });
  },
});
await close();
