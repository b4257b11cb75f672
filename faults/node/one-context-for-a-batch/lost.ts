// The first record's context serves for the whole batch: two of three orders are charged in a
// trace that is not theirs.
import { context, SpanKind, trace } from "@opentelemetry/api";
import { attributesOf, close, extracted, kafka, orders, placeOrders } from "../shop.ts";
import { subscribed, tracerOf, work } from "../shop.ts";

await placeOrders();
const consumer = await subscribed(kafka, orders);
await consumer.run({
  eachBatch: async ({ batch }) => {
    const [first] = batch.messages;
    const parent = extracted(first?.headers);
    for (const message of batch.messages) {
      const attributes = attributesOf("process", orders, String(message.key));
      const span = tracerOf("payments").startSpan(
        `process ${orders}`,
        { kind: SpanKind.CONSUMER, attributes },
        parent,
      );
      await context.with(trace.setSpan(parent, span), () => work("charge card"));
      span.end();
    }
  },
});
await close();
