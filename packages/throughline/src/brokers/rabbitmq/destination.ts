import { Destinations } from "../../destination.ts";
import type { Tracing } from "../../tracing.ts";

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

/** Where a producer sends to; a dead letter of one is known where it goes back. */
export function destinationsOf(tracing: Tracing): Destinations {
  return new Destinations(SYSTEM_NAME, tracing, leadsTo);
}

/**
 * Whether a message sent there is put into the queue that a delivery named: sent to that queue itself,
 * or to the exchange and key that it came by. A name whose own parts have colons is taken at its word.
 */
function leadsTo(sent: string, delivered: string): boolean {
  if (delivered === sent) return true;
  return delivered.startsWith(`${sent}:`) || delivered.endsWith(`:${sent}`);
}
