/** How the convention spells the broker. */
export const SYSTEM_NAME = "rabbitmq";

/** What the convention calls the default exchange, where nothing else names a destination. */
const DEFAULT_EXCHANGE = "amq.default";

/**
 * The destination of a message to send: `{exchange}:{routing key}`, without what is empty. For the
 * default exchange the routing key is the queue's name, which is then all.
 */
export function sentTo(exchange: string, routingKey: string): string {
  return named([exchange, routingKey]);
}

/**
 * The destination of a delivered message: `{exchange}:{routing key}:{queue}`, without what is empty,
 * and the queue's name once where it is the routing key too.
 */
export function deliveredFrom(exchange: string, routingKey: string, queue: string): string {
  return named([exchange, routingKey, queue === routingKey ? "" : queue]);
}

function named(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(":") || DEFAULT_EXCHANGE;
}
