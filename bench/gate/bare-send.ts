import { context, propagation, SpanKind, trace, type TracerProvider } from "@opentelemetry/api";
import type { Producer } from "kafkajs";

type Sender = Pick<Producer, "send">;

/** The least that carries context: a span a message, injected into its headers by the stock propagator. */
export function bareSend(provider: TracerProvider, producer: Sender): Sender {
  const tracer = provider.getTracer("bare");
  return {
    async send(record) {
      const { topic, messages } = record;
      const active = context.active();
      const spans = messages.map((message) => {
        const attributes = {
          "messaging.operation.name": "send",
          "messaging.operation.type": "send",
          "messaging.system": "kafka",
          "messaging.destination.name": topic,
          "messaging.kafka.message.key": message.key as string,
        };
        const span = tracer.startSpan(
          `send ${topic}`,
          { kind: SpanKind.PRODUCER, attributes },
          active,
        );
        propagation.inject(trace.setSpan(active, span), message.headers);
        return span;
      });
      const result = await producer.send(record);
      for (const span of spans) span.end();
      return result;
    },
  };
}
