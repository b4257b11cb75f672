import { context } from "@opentelemetry/api";
import { activeContext } from "../../context.ts";
import { fault } from "../../guard.ts";
import type { Method } from "../../wrap.ts";

/**
 * Methods that answer through a callback. librdkafka calls it from a thread of its own, so that
 * what was active when the method was called is not active there: it is entered explicitly.
 */
const ANSWERING = [
  "getMetadata",
  "queryWatermarkOffsets",
  "offsetsForTimes",
  "committed",
  "seek",
  "flush",
  "initTransactions",
  "beginTransaction",
  "commitTransaction",
  "abortTransaction",
  "sendOffsetsToTransaction",
];

const answering: Method = (own, self, args) => Reflect.apply(own, self, args.map(inContext));

/** These methods, with their callbacks called in the caller's context. */
export const answeringMethods: Readonly<Record<string, Method>> = Object.fromEntries(
  ANSWERING.map((name) => [name, answering]),
);

/** A callback that is called in the context that is active now; anything else is given back. */
export function inContext<Value>(value: Value): Value {
  if (typeof value !== "function") return value;
  try {
    return context.bind(activeContext(), value);
  } catch (error) {
    fault("activate", error);
    return value;
  }
}
