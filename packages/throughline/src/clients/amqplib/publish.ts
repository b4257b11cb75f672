import { sentTo } from "../../brokers/rabbitmq/destination.ts";
import { activeContext } from "../../context.ts";
import type { Destinations } from "../../destination.ts";
import { fault } from "../../guard.ts";
import { Call, follow } from "../../run.ts";
import { openSend } from "../../send.ts";
import type { Sending } from "../../sending.ts";
import type { Method } from "../../wrap.ts";
import { SentOptions } from "./options.ts";

type Confirm = (this: unknown, ...args: unknown[]) => unknown;

/** Where one of the two methods that send has what: both end in the same arguments. */
interface Places {
  readonly exchange: (args: readonly unknown[]) => unknown;
  readonly routingKey: number;
  readonly options: number;
}

const PUBLISH: Places = { exchange: (args) => args[0], routingKey: 1, options: 3 };
const SEND_TO_QUEUE: Places = { exchange: () => "", routingKey: 0, options: 2 };

/** publish and sendToQueue of a channel. */
export function publishing(destinations: Destinations, confirms: boolean): Record<string, Method> {
  const method =
    (places: Places): Method =>
    (own, self, args) => {
      const prepared = prepare(places, args, destinations);
      // What amqplib will refuse is handed to it as it is, so that it says so in its own words.
      if (prepared === undefined) return Reflect.apply(own, self, args);
      const { given, sending } = prepared;
      const send = (): unknown => Reflect.apply(own, self, given);
      if (!confirms) return follow(new Call(send, undefined, undefined), undefined, sending);
      given[places.options + 1] = confirmed(given[places.options + 1], sending);
      return untilConfirmed(send, sending);
    };
  return { publish: method(PUBLISH), sendToQueue: method(SEND_TO_QUEUE) };
}

/** The arguments to send with, and the send that they come to. */
interface Prepared {
  readonly given: unknown[];
  readonly sending: Sending;
}

function prepare(
  { exchange: exchangeIn, routingKey: keyAt, options: optionsAt }: Places,
  args: readonly unknown[],
  destinations: Destinations,
): Prepared | undefined {
  try {
    const [exchange, routingKey] = [exchangeIn(args), args[keyAt]];
    if (typeof exchange !== "string" || typeof routingKey !== "string") return undefined;
    const destination = destinations.of(sentTo(exchange, routingKey));
    if (destination.ignored) return undefined;
    const options = SentOptions.of(args[optionsAt], routingKey);
    if (options === undefined) return undefined;
    const sending = openSend(destination, [options], 1);
    const [headers] = sending.headers;
    const given = [...args];
    if (headers !== undefined) given[optionsAt] = options.with(headers);
    return { given, sending };
  } catch (error) {
    fault("inject", error);
    return undefined;
  }
}

/** What amqplib calls with the broker's answer: ends the send, and tells the application where it asked. */
function confirmed(callback: unknown, sending: Sending): Confirm {
  const active = activeContext();
  return function confirm(this: unknown, ...args: unknown[]): void {
    const [error] = args;
    sending.end(error !== null && error !== undefined, error);
    // The broker's answer comes in the connection's context; who sent it goes on in his own.
    if (typeof callback !== "function") return;
    const told = (): unknown => Reflect.apply(callback, this, args);
    new Call(told, undefined, undefined).within(active);
  };
}

/** A send that ends when it is confirmed, unless amqplib does not take it. */
function untilConfirmed(send: () => unknown, sending: Sending): unknown {
  try {
    return send();
  } catch (error) {
    sending.end(true, error);
    throw error;
  }
}
