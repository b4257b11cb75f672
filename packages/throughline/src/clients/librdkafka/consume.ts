import { batchHeld } from "../../process.ts";
import { Call } from "../../run.ts";
import type { Tracing } from "../../tracing.ts";
import { wrap } from "../../wrap.ts";
import { answeringMethods } from "./callbacks.ts";
import { commitMethods } from "./commits.ts";
import type { ConsumedMessage } from "./format.ts";
import { handle, type Handler, listenerMethods } from "./listeners.ts";
import { Partitions, settingOf } from "./partitions.ts";

/**
 * A classic consumer whose handlers run in the context of their message: listeners for `data`,
 * and what consume() is given to call.
 */
export function tracedClassicConsumer<Client extends object>(
  consumer: Client,
  tracing: Tracing,
): Client {
  const partitions = new Partitions(
    tracing,
    () => settingOf(consumer, "group.id") ?? tracing.options.groupId,
  );
  const traced: Client = wrap(consumer, {
    ...answeringMethods,
    ...commitMethods(partitions, tracing),
    ...listenerMethods(consumer, partitions, () => traced),
    consume: (own, self, args) => Reflect.apply(own, self, consuming(args, partitions)),
  });
  return traced;
}

/** The arguments of consume(), its callback traced: read as the client reads them. */
function consuming(args: unknown[], partitions: Partitions): unknown[] {
  const [count, callback, ...rest] = args;
  if (typeof count === "function" && callback === undefined) {
    return [eachMessage(count as Handler, partitions)];
  }
  if (typeof callback !== "function") return args;
  const handler = callback as Handler;
  // With any count that is one the client reads some messages; without, it goes on for ever.
  const traced = count ? batch(handler, partitions) : eachMessage(handler, partitions);
  return [count, traced, ...rest];
}

/** A callback of the endless consume(): called with each message, or with an error. */
function eachMessage(callback: Handler, partitions: Partitions): Handler {
  // One that takes an error alone handles no message: listeners for `data` do.
  if (callback.length === 1) return callback;
  return function (this: unknown, ...args: unknown[]) {
    return handle(callback, this, args, args[0] ? undefined : args[1], partitions);
  };
}

/** A callback of consume(n): called with the messages that were there, of whichever partitions. */
function batch(callback: Handler, partitions: Partitions): Handler {
  return function (this: unknown, ...args: unknown[]) {
    const [error, messages] = args;
    const call = new Call(() => Reflect.apply(callback, this, args), undefined, undefined);
    if (error || !Array.isArray(messages)) return call.bare();
    const source = (message: object): ReturnType<Partitions["of"]> => {
      const { topic, partition } = message as ConsumedMessage;
      return partitions.of(topic as string, partition as number);
    };
    return batchHeld(messages as object[], { source }, call);
  };
}
