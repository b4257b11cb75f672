// A service that forwards a record keeps its headers and adds its own traceparent beside the one
// that is there. OpenTelemetry's propagator for Node takes the first of two: the next service hangs
// under the sender before this one, and this one's part is left out of the chain.
import { context, propagation, SpanKind, trace } from "@opentelemetry/api";
import { attributesOf, close, extracted, kafka, orders, placeOrders } from "../shop.ts";
import { subscribed, topicOf, tracerOf, work } from "../shop.ts";

const paid = topicOf("paid");
await placeOrders(undefined, [paid]);
const producer = kafka.producer();
await producer.connect();

const consumer = await subscribed(kafka, orders);
await consumer.run({
  eachMessage: async ({ message: { headers, key, value } }) => {
    const attributes = attributesOf("process", orders, String(key));
    const parent = extracted(headers);
    const span = tracerOf("payments").startSpan(
      `process ${orders}`,
      { kind: SpanKind.CONSUMER, attributes },
      parent,
    );
    await context.with(trace.setSpan(parent, span), async () => {
      await work("charge card");
      const own: Record<string, string> = {};
      propagation.inject(context.active(), own);
      const traceparent = [String(headers?.["traceparent"]), own["traceparent"] ?? ""];
      await producer.send({
        topic: paid,
        messages: [{ key, value, headers: { ...headers, traceparent } }],
      });
    });
    span.end();
  },
});

const shipping = await subscribed(kafka, paid);
await shipping.run({
  eachMessage: async ({ message: { headers, key } }) => {
    const attributes = attributesOf("process", paid, String(key));
    const parent = extracted(headers);
    const span = tracerOf("shipping").startSpan(
      `process ${paid}`,
      { kind: SpanKind.CONSUMER, attributes },
      parent,
    );
    await context.with(trace.setSpan(parent, span), () => work("pack parcel", "shipping"));
    span.end();
  },
});
await close(6);
await producer.disconnect();
