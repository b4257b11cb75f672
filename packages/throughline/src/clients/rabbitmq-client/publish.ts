import type { Span } from "@opentelemetry/api";
import type { Envelope } from "rabbitmq-client";
import { describeMessage } from "../../brokers/rabbitmq/describe.ts";
import { sentTo } from "../../brokers/rabbitmq/destination.ts";
import type { Destinations } from "../../destination.ts";
import { fault } from "../../guard.ts";
import { Call, follow } from "../../run.ts";
import { openSend, type Outgoing } from "../../send.ts";
import type { Sending } from "../../sending.ts";
import type { Method } from "../../wrap.ts";

/** The queue of each requester's own, without what tells it from the others. */
const DIRECT_REPLY = "amq.rabbitmq.reply-to";

/** A method that takes an envelope, or a queue's name in its place, and a body. */
export function publishing(destinations: Destinations): Method {
  return (own, self, args) => {
    const prepared = prepare(args[0], destinations);
    // What the client will refuse is handed to it as it is, so that it says so in its own words.
    if (prepared === undefined) return Reflect.apply(own, self, args);
    const { envelope, sending } = prepared;
    const send = (): unknown => Reflect.apply(own, self, [envelope, ...args.slice(1)]);
    return follow(new Call(send, undefined, undefined), undefined, sending);
  };
}

/** The same for a consumer's reply, whose envelope comes second and where to is known. */
export function replying(reply: Function, replyTo: unknown, destinations: Destinations): Function {
  return function (this: unknown, ...args: unknown[]): unknown {
    const prepared =
      typeof replyTo === "string" ? prepare(args[1] ?? {}, destinations, replyTo) : undefined;
    if (prepared === undefined) return Reflect.apply(reply, this, args);
    const { envelope, sending } = prepared;
    const send = (): unknown => Reflect.apply(reply, this, [args[0], envelope, ...args.slice(2)]);
    return follow(new Call(send, undefined, undefined), undefined, sending);
  };
}

/** An envelope to send with, and the send that it comes to. */
interface Prepared {
  readonly envelope: unknown;
  readonly sending: Sending;
}

function prepare(
  given: unknown,
  destinations: Destinations,
  replyTo?: string,
): Prepared | undefined {
  try {
    const named = typeof given === "string" ? { routingKey: given } : given;
    if (named === null || typeof named !== "object") return undefined;
    // As the client itself copies it: its own properties, each read once.
    const envelope: Envelope = { ...named };
    const headers: unknown = envelope.headers;
    if (headers !== undefined && headers !== null && !isTable(headers)) return undefined;
    const routingKey = text(replyTo ?? envelope.routingKey);
    const exchange = replyTo === undefined ? text(envelope.exchange) : "";
    const destination = destinations.of(
      routingKey.startsWith(`${DIRECT_REPLY}.`) ? DIRECT_REPLY : sentTo(exchange, routingKey),
    );
    if (destination.ignored) return undefined;
    const outgoing: Outgoing = {
      message: named,
      headers,
      describe: (span: Span) => describeMessage(span, { ...envelope, routingKey }),
    };
    const sending = openSend(destination, [outgoing], 1);
    const [carrying] = sending.headers;
    if (carrying === undefined) return { envelope: given, sending };
    return { envelope: Object.assign(envelope, { headers: carrying }), sending };
  } catch (error) {
    fault("inject", error);
    return undefined;
  }
}

/** What the client encodes as headers as they stand: an object's own, or a Map's. */
function isTable(headers: unknown): headers is object {
  return typeof headers === "object" && !Array.isArray(headers);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
