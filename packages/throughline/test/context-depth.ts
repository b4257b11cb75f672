// How many contexts a lookup passes through: each of them, and all that it holds, stays in memory.
import { type Context, ROOT_CONTEXT } from "@opentelemetry/api";

const PROBE = Symbol("how deep");

/** A context to start from, and the number of calls from any context above it down to it. */
export function counted(base: Context = ROOT_CONTEXT): {
  bottom: Context;
  depthOf: (context: Context) => number;
} {
  const bottom: Context = {
    getValue: (key) => (key === PROBE ? calls() : base.getValue(key)),
    setValue: (key, value) => counted(base.setValue(key, value)).bottom,
    deleteValue: (key) => counted(base.deleteValue(key)).bottom,
  };
  return { bottom, depthOf: (context) => context.getValue(PROBE) as number };
}

function calls(): number {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = Number.POSITIVE_INFINITY;
  const { stack = "" } = new Error("how deep");
  Error.stackTraceLimit = stackTraceLimit;
  return stack.split("\n").length;
}
