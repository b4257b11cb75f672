import type { Span } from "@opentelemetry/api";
import {
  CONVERSATION_ID,
  MESSAGE_ID,
  RABBITMQ_DELIVERY_TAG,
  RABBITMQ_ROUTING_KEY,
} from "../../semconv.ts";

/** What is told of one message, in AMQP's words; each client has them in other places. */
export interface Described {
  readonly routingKey?: unknown;
  readonly messageId?: unknown;
  readonly correlationId?: unknown;
  readonly deliveryTag?: unknown;
}

/** Puts what differs from message to message on its span. Ids that are no text are left out. */
export function describeMessage(span: Span, described: Described): void {
  const { routingKey, messageId, correlationId, deliveryTag } = described;
  if (isText(routingKey)) span.setAttribute(RABBITMQ_ROUTING_KEY, routingKey);
  if (isText(messageId)) span.setAttribute(MESSAGE_ID, messageId);
  if (isText(correlationId)) span.setAttribute(CONVERSATION_ID, correlationId);
  if (typeof deliveryTag === "number") span.setAttribute(RABBITMQ_DELIVERY_TAG, deliveryTag);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
