// Orders that can't be charged are published to the dead letters by key and value. Their headers
// are gone, so whoever reads them starts a trace that knows nothing of the order.
import { context, SpanKind, trace } from "@opentelemetry/api";
import { attributesOf, close, extracted, kafka, orders, placeOrders } from "../shop.ts";
import { subscribed, topicOf, tracerOf, work } from "../shop.ts";

const deadLetters = topicOf("dead");
await placeOrders(undefined, [deadLetters]);
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
      await work("charge card"); // and the bank declines it
      await producer.send({ topic: deadLetters, messages: [{ key, value }] });
    });
    span.end();
  },
});

const support = await subscribed(kafka, deadLetters);
await support.run({
  eachMessage: async ({ message: { headers, key } }) => {
    const attributes = attributesOf("process", deadLetters, String(key));
    const parent = extracted(headers);
    const span = tracerOf("support").startSpan(
      `process ${deadLetters}`,
      { kind: SpanKind.CONSUMER, attributes },
      parent,
    );
    await context.with(trace.setSpan(parent, span), () => work("call customer", "support"));
    span.end();
  },
});
await close(6);
await producer.disconnect();
