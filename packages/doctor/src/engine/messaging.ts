import { parentIsRemote, type Span, textAttribute } from "./span.ts";

/**
 * What a span has to do with messages. Read from the names of today's convention and of the older
 * ones that are still in use.
 *
 * - `send`: puts a message on its way, or makes one that another span sends
 * - `delivery`: handles one message
 * - `batch`: handles several; it belongs to many traces and so to none, a root by right
 */
export type MessagingRole = "send" | "delivery" | "batch" | undefined;

const SENDING: readonly string[] = ["send", "publish", "create"];
/** What a consumer does besides handling: fetching and acknowledging. */
const NOT_HANDLING: readonly string[] = ["receive", "settle"];

export function messagingRole(span: Span): MessagingRole {
  const { attributes, kind } = span;
  if (kind === "producer") return "send";
  if (kind !== "consumer" && kind !== "client") return undefined;
  if (!attributes.has("messaging.system")) return undefined;
  const operation =
    textAttribute(span, "messaging.operation.type") ?? textAttribute(span, "messaging.operation");
  if (kind === "client") {
    return operation !== undefined && SENDING.includes(operation) ? "send" : undefined;
  }
  if (operation !== undefined && NOT_HANDLING.includes(operation)) return undefined;
  return attributes.has("messaging.batch.message_count") ? "batch" : "delivery";
}

/** The topic, queue or exchange of a messaging span. */
export function destinationOf(span: Span): string | undefined {
  return (
    textAttribute(span, "messaging.destination.name") ??
    textAttribute(span, "messaging.destination")
  );
}

/** How many messages a span stands for; undefined for a span of one. */
export function batchCountOf(span: Span): number | undefined {
  const count = span.attributes.get("messaging.batch.message_count");
  return typeof count === "number" ? count : undefined;
}

/** What Kafka's records of one entity share; the nearest to an identity that both ends tell. */
export function messageKeyOf(span: Span): string | undefined {
  return textAttribute(span, "messaging.kafka.message.key");
}

/**
 * Whether a span that a delivery points to can be where its message came from: one that sends, or
 * any of another process, for a producer without a span of its own puts into the message whatever
 * is active.
 */
export function isOrigin(span: Span, delivery: Span, asParent: boolean): boolean {
  if (messagingRole(span) === "send") return true;
  const remote = asParent ? parentIsRemote(delivery) : undefined;
  return remote ?? span.resource.service !== delivery.resource.service;
}
