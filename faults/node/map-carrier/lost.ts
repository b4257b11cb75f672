// @platformatic/kafka gives a record's headers as a Map. The propagator reads properties, and a Map
// has none by the name of a header: it finds no context, and says nothing.
import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { attributesOf, close, orders, placeOrders, tracerOf, work } from "../shop.ts";
import { stream } from "./stream.ts";

await placeOrders();
for await (const { headers, key } of stream(3)) {
  const parent = propagation.extract(ROOT_CONTEXT, headers);
  const span = tracerOf("payments").startSpan(
    `process ${orders}`,
    { kind: SpanKind.CONSUMER, attributes: attributesOf("process", orders, key) },
    parent,
  );
  await context.with(trace.setSpan(parent, span), () => work("charge card"));
  span.end();
}
await close();
