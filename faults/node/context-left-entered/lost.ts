// The context is entered before the handler and left after it, and an error skips the leaving.
// An order that carries no context is charged in the trace of the one that failed before it.
import { context, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { AsyncLocalStorage } from "node:async_hooks";
import { attributesOf, close, extracted, kafka, orders, placeOrders } from "../shop.ts";
import { subscribed, tracerOf, work } from "../shop.ts";

/** What attach and detach are in other languages. */
const entered = new AsyncLocalStorage<Context>();

async function charge(key: string): Promise<void> {
  const parent = entered.getStore() ?? ROOT_CONTEXT;
  const span = tracerOf("payments").startSpan(
    `process ${orders}`,
    { kind: SpanKind.CONSUMER, attributes: attributesOf("process", orders, key) },
    parent,
  );
  await context.with(trace.setSpan(parent, span), () => work("charge card"));
  span.end();
  if (key === "order-1") throw new Error("card declined");
}

// The other orders' sender injects nothing.
await placeOrders((own, number) => (number === 1 ? own : {}));
const consumer = await subscribed(kafka, orders);
await consumer.run({
  eachBatch: async ({ batch }) => {
    for (const { headers, key } of batch.messages) {
      try {
        if (headers?.["traceparent"] !== undefined) entered.enterWith(extracted(headers));
        await charge(String(key));
        entered.enterWith(ROOT_CONTEXT);
      } catch {
        // Declined: support calls the customer.
      }
    }
  },
});
await close();
