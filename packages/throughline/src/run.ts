import { type Context, context } from "@opentelemetry/api";
import { fault } from "./guard.ts";

/** Told once how the host's handler ended; `failed` says whether `error` is one, for undefined may be thrown. */
export type Settled = (failed: boolean, error: unknown) => void;

const NOT_CALLED = 0;
const RETURNED = 1;
const THREW = 2;

/**
 * Calls the host's handler in a context: exactly once whatever the context manager does, and with
 * its outcome unchanged. What it throws synchronously is thrown synchronously.
 */
export function callWithin<Argument, Result>(
  active: Context,
  handler: (this: unknown, argument: Argument) => Result,
  self: unknown,
  argument: Argument,
): Result {
  let state = NOT_CALLED;
  let result: Result | undefined;
  let thrown: unknown;
  try {
    context.with(active, () => {
      try {
        result = handler.call(self, argument);
        state = RETURNED;
      } catch (error) {
        thrown = error;
        state = THREW;
      }
    });
  } catch (error) {
    fault("activate", error);
  }
  if (state === RETURNED) return result as Result;
  if (state === THREW) throw thrown;
  return handler.call(self, argument);
}

/**
 * Calls the host's handler in a context and tells `settled` when it is done, as whenSettled does.
 */
export function follow<Argument, Result>(
  active: Context,
  handler: (this: unknown, argument: Argument) => Result,
  self: unknown,
  argument: Argument,
  settled: Settled,
): Result {
  return whenSettled(() => callWithin(active, handler, self, argument), settled);
}

/**
 * Makes a call of the host's and tells `settled` when it is done: at once for a plain value or a
 * synchronous throw, when it settles for a promise or any other thenable. `settled` must not throw.
 *
 * A promise's derived promise is returned, never the original beside a side chain: that would hide
 * unhandled rejections, and run a lazy thenable twice.
 */
export function whenSettled<Result>(call: () => Result, settled: Settled): Result {
  let result: Result;
  try {
    result = call();
  } catch (error) {
    settled(true, error);
    throw error;
  }
  if (result === null || (typeof result !== "object" && typeof result !== "function")) {
    settled(false, undefined);
    return result;
  }
  return settleLater(result, settled);
}

function settleLater<Result extends object>(result: Result, settled: Settled): Result {
  let then: unknown;
  try {
    // Read once: the application may count, or make something of, each reading.
    then = (result as { then?: unknown }).then;
  } catch {
    settled(false, undefined);
    return result;
  }
  if (typeof then !== "function") {
    settled(false, undefined);
    return result;
  }
  const done = (value: unknown): unknown => {
    settled(false, undefined);
    return value;
  };
  const failed = (error: unknown): never => {
    settled(true, error);
    throw error;
  };
  if (result instanceof Promise) return then.call(result, done, failed);
  return adopt(result, then, settled) as Result;
}

// Other thenables need not return a promise from then(), nor keep to one call: a promise of our own does.
function adopt(thenable: object, then: Function, settled: Settled): object {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => {
      settled(true, error);
      reject(error);
    };
    const done = (value: unknown): void => {
      settled(false, undefined);
      resolve(value);
    };
    try {
      then.call(thenable, done, failed);
    } catch (error) {
      failed(error);
    }
  });
}
