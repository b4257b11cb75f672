import {
  type Attributes,
  type AttributeValue,
  type Context,
  context,
  propagation,
  type Span,
  SpanKind,
  trace,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import type { Message, Producer } from "kafkajs";
import { formatTraceparent } from "../../packages/throughline/src/w3c/traceparent.ts";

type Sender = Pick<Producer, "send">;

/** The least that carries context: a span a message, injected into its headers by the stock propagator. */
export function bareSend(provider: TracerProvider, producer: Sender): Sender {
  const tracer = provider.getTracer("bare");
  return {
    async send(record) {
      const { topic, messages } = record;
      const active = context.active();
      const spans = messages.map((message) => {
        const span = startSpan(tracer, topic, attributesOf(topic), message, active);
        propagation.inject(trace.setSpan(active, span), message.headers);
        return span;
      });
      const result = await producer.send(record);
      for (const span of spans) span.end();
      return result;
    },
  };
}

/**
 * What no implementation can do without that gives each message a span and leaves the application's
 * objects alone: the span, and the message made anew with its context among the headers.
 */
export function floorSend(provider: TracerProvider, producer: Sender): Sender {
  const tracer = provider.getTracer("floor");
  const held = new Map<string, Attributes>();
  const heldOf = (topic: string): Attributes => {
    const known = held.get(topic);
    if (known !== undefined) return known;
    // Of a shape of its own: the bare span's attributes, made anew each time, have no list.
    const made: Attributes = Object.fromEntries(
      Object.entries<AttributeValue>(attributesOf(topic)),
    );
    Object.keys(made); // See listed.ts.
    held.set(topic, made);
    return made;
  };
  return {
    send({ topic, messages }) {
      const active = context.active();
      const sent = messages.map((message) => {
        const span = startSpan(tracer, topic, heldOf(topic), message, active);
        const traceparent = formatTraceparent(span.spanContext(), false);
        span.end();
        const { key, value, headers } = message;
        return { key: key as string, value, headers: { ...headers, traceparent } };
      });
      return producer.send({ topic, messages: sent });
    },
  };
}

/** What samplers may ask for when the span is made. */
function attributesOf(topic: string): Record<string, AttributeValue> {
  return {
    "messaging.operation.name": "send",
    "messaging.operation.type": "send",
    "messaging.system": "kafka",
    "messaging.destination.name": topic,
  };
}

/** A span with the key where it records. */
function startSpan(
  tracer: Tracer,
  topic: string,
  attributes: Attributes,
  { key }: Message,
  active: Context,
): Span {
  const span = tracer.startSpan(`send ${topic}`, { kind: SpanKind.PRODUCER, attributes }, active);
  if (span.isRecording()) span.setAttribute("messaging.kafka.message.key", String(key));
  return span;
}
