// A header that stands twice on a record comes as an array of Buffers. Turned into text as a whole
// it is the values joined by a comma, which is no traceparent: the trace ends here.
import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { attributesOf, close, kafka, orders, placeOrders } from "../shop.ts";
import { subscribed, tracerOf, work } from "../shop.ts";

// A sender in between, a mirror for one, has added the header once more.
await placeOrders((own) => ({ traceparent: [own["traceparent"] ?? "", own["traceparent"] ?? ""] }));
const consumer = await subscribed(kafka, orders);
await consumer.run({
  eachMessage: async ({ message }) => {
    const headers = Object.entries(message.headers ?? {});
    const carrier = Object.fromEntries(headers.map(([name, value]) => [name, String(value)]));
    const parent = propagation.extract(ROOT_CONTEXT, carrier);
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
