import { type Context, context } from "@opentelemetry/api";
import { discard, fault } from "./guard.ts";

const NOT_CALLED = 0;
const CALLED = 1;
const RETURNED = 2;
const THREW = 3;

/** One call of the host's handler: its receiver, the one argument that it gets, and what came of it. */
export class Call<Argument, Result> {
  private readonly handler: (this: unknown, argument: Argument) => Result;
  private readonly self: unknown;
  private readonly argument: Argument;
  private state: typeof NOT_CALLED | typeof CALLED | typeof RETURNED | typeof THREW = NOT_CALLED;
  private outcome: unknown;

  constructor(
    handler: (this: unknown, argument: Argument) => Result,
    self: unknown,
    argument: Argument,
  ) {
    this.handler = handler;
    this.self = self;
    this.argument = argument;
  }

  /** Makes the call with nothing around it. */
  bare(): Result {
    return this.handler.call(this.self, this.argument);
  }

  /**
   * Makes the call in a context: exactly once whatever the context manager does, and with its
   * outcome unchanged. What the handler throws synchronously is thrown synchronously.
   */
  within(active: Context): Result {
    try {
      // One function for every call, given the call: a closure each would be made for each message.
      const made: unknown = context.with<
        [Call<Argument, Result>],
        (call: Call<Argument, Result>) => void
      >(active, Call.make, undefined, this);
      if (made !== undefined) discard("activate", made);
      if (this.state === NOT_CALLED) {
        fault("activate", new Error("the context manager did not make the call"));
      }
    } catch (error) {
      fault("activate", error);
    }
    if (this.state === RETURNED) return this.outcome as Result;
    if (this.state === THREW) throw this.outcome;
    // Whoever puts the call off may still make it: by then it has been made.
    this.state = CALLED;
    return this.bare();
  }

  private static make<Argument, Result>(this: void, call: Call<Argument, Result>): void {
    if (call.state !== NOT_CALLED) return;
    call.state = CALLED;
    try {
      call.outcome = call.handler.call(call.self, call.argument);
      call.state = RETURNED;
    } catch (error) {
      call.outcome = error;
      call.state = THREW;
    }
  }
}

/** What ends with the host's call. Told once; must not throw. */
export interface Ending {
  /** `failed` says whether `error` is one, for undefined may be thrown. */
  end(failed: boolean, error: unknown): void;
}

/**
 * Makes a call of the host's and ends `ending` when it is done: at once for a plain value or a
 * synchronous throw, when it settles for a promise or any other thenable.
 *
 * A promise's derived promise is returned, never the original beside a side chain: that would hide
 * unhandled rejections, and run a lazy thenable twice.
 */
export function follow<Argument, Result>(
  call: Call<Argument, Result>,
  active: Context | undefined,
  ending: Ending,
): Result {
  let result: Result;
  try {
    result = active === undefined ? call.bare() : call.within(active);
  } catch (error) {
    ending.end(true, error);
    throw error;
  }
  return settled(result, active, ending);
}

/** The same for a method of the host's client, in whatever context is active: no call is made up. */
export function followMethod(
  own: Function,
  self: object,
  args: readonly unknown[],
  ending: Ending,
): unknown {
  let result: unknown;
  try {
    result = Reflect.apply(own, self, args);
  } catch (error) {
    ending.end(true, error);
    throw error;
  }
  return settled(result, undefined, ending);
}

function settled<Result>(result: Result, active: Context | undefined, ending: Ending): Result {
  if (result === null || (typeof result !== "object" && typeof result !== "function")) {
    ending.end(false, undefined);
    return result;
  }
  return settleLater(result, active, ending);
}

function settleLater<Result extends object>(
  result: Result,
  active: Context | undefined,
  ending: Ending,
): Result {
  let then: unknown;
  try {
    // Read once: the application may count, or make something of, each reading.
    then = (result as { then?: unknown }).then;
  } catch {
    ending.end(false, undefined);
    return result;
  }
  if (typeof then !== "function") {
    ending.end(false, undefined);
    return result;
  }
  const resolved = (value: unknown): unknown => {
    ending.end(false, undefined);
    return value;
  };
  const rejected = (error: unknown): never => {
    ending.end(true, error);
    throw error;
  };
  if (result instanceof Promise) return then.call(result, resolved, rejected);
  return adopt(result, then, active).then(resolved, rejected) as unknown as Result;
}

// Other thenables need not return a promise from then(), nor keep to one call, and may give another
// thenable: a promise of our own does away with all of that, as `await` does. A lazy one, a query
// builder for one, does its work when then() is called: in the scope, as its handler would have it.
function adopt(thenable: object, then: Function, active: Context | undefined): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = new Call(
      () => then.call(thenable, resolve, reject) as unknown,
      undefined,
      undefined,
    );
    void (active === undefined ? call.bare() : call.within(active));
  });
}
