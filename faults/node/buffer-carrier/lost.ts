// kafkajs gives header values as Buffers; the propagator reads text and passes over anything else.
// Handed the headers as they are, it finds no context, and says nothing.
import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { attributesOf, close, kafka, orders, placeOrders } from "../shop.ts";
import { subscribed, tracerOf, work } from "../shop.ts";

await placeOrders();
const consumer = await subscribed(kafka, orders);
await consumer.run({
  eachMessage: async ({ message }) => {
    const parent = propagation.extract(ROOT_CONTEXT, message.headers);
    const attributes = attributesOf("process", orders, String(message.key));
    const span = tracerOf("payments").startSpan(
      `process ${orders}`,
      { kind: SpanKind.CONSUMER, attributes },
      parent,
    );
    await context.with(trace.setSpan(parent, span), () => work("charge card"));
    span.end();
  },
});
await close();
