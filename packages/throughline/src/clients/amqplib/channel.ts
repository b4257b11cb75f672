import type { Channel, ConsumeMessage, Message, Options } from "amqplib";
import type * as callbackApi from "amqplib/callback_api";
import { destinationsOf } from "../../brokers/rabbitmq/destination.ts";
import { Queue } from "../../brokers/rabbitmq/queue.ts";
import { delivered, deliveredUnhandled, deliverUnopened, processDelivered } from "../../deliver.ts";
import { fault } from "../../guard.ts";
import { Held } from "../../held.ts";
import { opensOwnScopes } from "../../retry.ts";
import { Call } from "../../run.ts";
import type { Tracing } from "../../tracing.ts";
import { type Method, wrap } from "../../wrap.ts";
import { amqplibFormat } from "./format.ts";
import { isInstrumented } from "./instrumented.ts";
import { publishing } from "./publish.ts";
import { settling } from "./settling.ts";

export type AnyChannel = Channel | callbackApi.Channel;
type Handler = (this: unknown, message: ConsumeMessage | null) => unknown;

/** A channel whose messages carry context, and whose handlers run in that of their message. */
export function tracedChannel<Client extends AnyChannel>(
  channel: Client,
  tracing: Tracing,
): Client {
  const held = new Held();
  const foreignSpans = isInstrumented(channel);
  const confirms = "waitForConfirms" in channel;
  const destinations = destinationsOf(tracing);
  const queueOf = (name: unknown): Queue => new Queue(name, amqplibFormat, tracing, foreignSpans);
  let watched = false;

  const methods: Record<string, Method> = {
    ...(foreignSpans ? {} : publishing(destinations, confirms)),
    ...settling(held, tracing),
    consume(own, self, args) {
      const [queue, handler, options] = args;
      if (typeof handler !== "function") return Reflect.apply(own, self, args);
      if (!watched) {
        watched = true;
        watch(channel, held);
      }
      const noAck = Boolean((options as Options.Consume | undefined)?.noAck);
      const tracedHandler = consuming(handler as Handler, queueOf(queue), noAck ? undefined : held);
      return Reflect.apply(own, self, [queue, tracedHandler, ...args.slice(2)]);
    },
    get(own, self, args) {
      const queue = queueOf(args[0]);
      return getting(own, self, args, (message) => {
        const source = queue.find(message.fields.exchange, message.fields.routingKey);
        if (source !== undefined) deliveredUnhandled(message, source);
      });
    },
  };
  return wrap(channel, methods);
}

/** The connection's end is the end of its channels, too. */
function watch(channel: AnyChannel, held: Held): void {
  try {
    channel.once("close", () => held.close());
  } catch (error) {
    fault("adapter", error);
  }
}

/** A consumer's callback with each message in its scope; a broker's cancel, which is null, goes through. */
function consuming(handler: Handler, queue: Queue, held: Held | undefined): Handler {
  const opensOwn = opensOwnScopes(handler);
  return function onMessage(this: unknown, message) {
    if (message === null) return handler.call(this, null);
    const { exchange, routingKey, deliveryTag } = message.fields;
    const source = queue.find(exchange, routingKey);
    const call = new Call(handler, this, message);
    if (source === undefined) return call.bare();
    if (opensOwn) return deliverUnopened(message, source, call);
    // Nothing is settled: there is nothing to wait for.
    if (held === undefined) return processDelivered(message, source, call);
    const scope = delivered(message, source);
    return scope === undefined ? call.bare() : held.run(deliveryTag, scope, call);
  };
}

/** Calls get; tells of the message, where there is one, before the application has it. */
function getting(
  own: Function,
  self: object,
  args: unknown[],
  got: (message: Message) => void,
): unknown {
  const tell = (message: unknown): void => {
    if (message !== null && typeof message === "object") got(message as Message);
  };
  const [, , callback] = args;
  if (typeof callback === "function") {
    const told = function (this: unknown, ...answer: unknown[]): unknown {
      tell(answer[1]);
      return Reflect.apply(callback, this, answer);
    };
    return Reflect.apply(own, self, [args[0], args[1], told, ...args.slice(3)]);
  }
  const getting: unknown = Reflect.apply(own, self, args);
  if (!(getting instanceof Promise)) return getting;
  return getting.then((message: unknown) => {
    tell(message);
    return message;
  });
}
