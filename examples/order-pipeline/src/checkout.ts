import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Kafka } from "kafkajs";
import { traced } from "throughline/kafkajs";
import { type Order, ORDERS } from "./orders.ts";
import { kafkaSettings } from "./settings.ts";
import { startTelemetry } from "./telemetry.ts";

// Takes orders over HTTP and puts them on Kafka.

const kafka = traced(new Kafka({ ...kafkaSettings, clientId: "checkout" }));
const producer = kafka.producer({ allowAutoTopicCreation: true });
const server = createServer((request, response) => void answer(request, response));

startTelemetry("checkout", async () => {
  server.close();
  await producer.disconnect();
});
const tracer = trace.getTracer("checkout");

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== "POST" || request.url !== "/orders") {
    response.writeHead(404).end("POST /orders\n");
    return;
  }
  // What an HTTP instrumentation does by itself.
  const span = tracer.startSpan("POST /orders", { kind: SpanKind.SERVER });
  await context.with(trace.setSpan(context.active(), span), async () => {
    try {
      const order = JSON.parse(await text(request)) as Order;
      await producer.send({
        topic: ORDERS,
        messages: [{ key: order.id, value: JSON.stringify(order) }],
      });
      response.writeHead(202).end();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
      response.writeHead(500).end(`${String(error)}\n`);
    } finally {
      span.end();
    }
  });
}

await producer.connect();
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  console.log(`checkout takes orders on http://127.0.0.1:${port}/orders`);
  process.send?.({ ready: true, port });
});
