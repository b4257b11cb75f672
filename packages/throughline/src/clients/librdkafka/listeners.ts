import { deliverUnopened, processDelivered } from "../../deliver.ts";
import { deliveryOf } from "../../delivered.ts";
import { processHeld } from "../../process.ts";
import { opensOwnScopes } from "../../retry.ts";
import { Call } from "../../run.ts";
import type { Method } from "../../wrap.ts";
import type { ConsumedMessage } from "./format.ts";
import type { Partitions } from "./partitions.ts";

/** What the application gives the client to call. */
export type Handler = (this: unknown, ...args: unknown[]) => unknown;

/** The methods that add a listener, each with the one to add it by. */
const ADDING: Readonly<Record<string, string>> = {
  on: "on",
  addListener: "on",
  prependListener: "prependListener",
  once: "on",
  prependOnceListener: "prependListener",
};

/** A traced method that was borrowed may be given a listener that is traced already. */
const tracedListeners = new WeakSet<Function>();

/**
 * The methods that add a listener, those for `data` in their message's context. The emitter knows
 * a listener that stands for another by its `listener`, as node:events has it for once(): removing
 * and listing work with the application's own function.
 */
export function listenerMethods(
  consumer: object,
  partitions: Partitions,
  traced: () => object,
): Record<string, Method> {
  const listening = (name: string, by: string): Method => {
    return (own, emitter, args) => {
      const [event, listener, ...rest] = args;
      if (event !== "data" || typeof listener !== "function" || tracedListeners.has(listener)) {
        return Reflect.apply(own, emitter, args);
      }
      const add = Reflect.get(consumer, by) as Function;
      const remove = Reflect.get(consumer, "removeListener") as Function;
      function data(this: unknown, ...emitted: unknown[]): unknown {
        if (name !== by && name !== "addListener") Reflect.apply(remove, emitter, [event, data]);
        const self = this === consumer ? traced() : this;
        return handle(listener as Handler, self, emitted, emitted[0], partitions);
      }
      tracedListeners.add(data);
      return Reflect.apply(add, emitter, [event, Object.assign(data, { listener }), ...rest]);
    };
  };
  return Object.fromEntries(
    Object.entries(ADDING).map(([name, by]) => [name, listening(name, by)]),
  );
}

/**
 * Calls a handler with what the client gave it, in the scope of the message among that. A message
 * that has had a handler is known and counted already: another has a span of its own beside it.
 */
export function handle(
  handler: Handler,
  self: unknown,
  args: unknown[],
  message: unknown,
  partitions: Partitions,
): unknown {
  const call = new Call(() => Reflect.apply(handler, self, args), undefined, undefined);
  if (message === null || typeof message !== "object") return call.bare();
  const { topic, partition } = message as ConsumedMessage;
  const source = partitions.find(topic, partition);
  if (source === undefined) return call.bare();
  if (opensOwnScopes(handler)) return deliverUnopened(message, source, call);
  return deliveryOf(message) === undefined
    ? processDelivered(message, source, call)
    : processHeld(message, { source: () => source }, call);
}
