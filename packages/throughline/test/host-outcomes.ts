/* oxlint-disable unicorn/no-thenable -- thenables are what is tested */
// What a handler of the host may come to, as data: made once for the run without us and once for
// the run with us, so that the two can be compared.
import * as fc from "fast-check";

/** One handler, and what was seen of it while it ran. */
export interface Made {
  readonly handler: (...given: unknown[]) => unknown;
  readonly seen: { calls: number; reads: number; thens: number; gave: unknown };
}

type Then = (resolve: (value: unknown) => void, reject: (error: unknown) => void) => unknown;

const later = (settle: () => void): void => void setImmediate(settle);

/** A thenable that is no promise: it does its work when then() is called, each time that it is. */
const lazy =
  (then: (payload: unknown) => Then) =>
  (payload: unknown, seen: Made["seen"]): unknown => ({
    get then(): Then {
      seen.reads += 1;
      return (resolve, reject) => {
        seen.thens += 1;
        return then(payload)(resolve, reject);
      };
    },
  });

class Subclass<Value> extends Promise<Value> {}

const fulfilled = (payload: unknown) => async (): Promise<unknown> => payload;
const rejected = (payload: unknown): Promise<never> => Promise.reject(payload);

/** What each kind of handler gives back (or throws) for a payload. */
const kinds: Record<string, (payload: unknown, seen: Made["seen"]) => unknown> = {
  value: (payload) => payload,
  throws(payload) {
    throw payload;
  },
  "a function": (payload) => () => payload,
  "an object whose then is no function": (payload) => ({ then: payload }),
  "an object whose then can't be read": (payload) =>
    Object.defineProperty({}, "then", {
      get() {
        throw payload;
      },
    }),
  "a fulfilled promise": (payload) => fulfilled(payload)(),
  "a rejected promise": rejected,
  "a promise fulfilled later": (payload) => new Promise((resolve) => later(() => resolve(payload))),
  "a promise rejected later": (payload) =>
    new Promise((_resolve, reject) => later(() => reject(payload))),
  "a subclass of Promise": (payload) => Subclass.resolve(payload),
  "a rejected subclass of Promise": (payload) => Subclass.reject(payload),
  "a lazy thenable": lazy((payload) => (resolve) => later(() => resolve(payload))),
  "a lazy thenable that rejects": lazy((payload) => (_, reject) => later(() => reject(payload))),
  "a thenable whose then returns a promise": lazy((payload) => (resolve) => {
    resolve(payload);
    return Promise.resolve("another value");
  }),
  "a thenable whose then throws": lazy((payload) => () => {
    throw payload;
  }),
  "a thenable that resolves, then throws": lazy((payload) => (resolve) => {
    resolve(payload);
    throw new Error("too late");
  }),
  "a thenable that resolves twice": lazy((payload) => (resolve) => {
    resolve(payload);
    resolve("too late");
  }),
  "a thenable that resolves, then rejects": lazy((payload) => (resolve, reject) => {
    resolve(payload);
    reject(new Error("too late"));
  }),
  "a thenable that rejects, then resolves": lazy((payload) => (resolve, reject) => {
    reject(payload);
    resolve("too late");
  }),
};

/** Kinds that nobody need wait for: a lazy thenable is left out, which runs only for who waits. */
export const EAGER: readonly string[] = Object.keys(kinds).filter((kind) => !/thenable/.test(kind));

export interface Outcome {
  readonly kind: string;
  readonly payload: unknown;
}

/** A random outcome; `payload` is what it gives, throws, fulfils or rejects with. */
export const outcomes = (of: readonly string[] = Object.keys(kinds)): fc.Arbitrary<Outcome> =>
  fc.record({
    kind: fc.constantFrom(...of),
    payload: fc.oneof(
      fc.anything(),
      fc.string().map((text) => new RangeError(text)),
      fc.constant(undefined),
    ),
  });

/** A handler that comes to an outcome. */
export function make({ kind, payload }: Outcome): Made {
  const seen: Made["seen"] = { calls: 0, reads: 0, thens: 0, gave: undefined };
  return {
    seen,
    handler() {
      seen.calls += 1;
      seen.gave = kinds[kind]?.(payload, seen);
      return seen.gave;
    },
  };
}

/** What the caller of a handler sees: the very value or error, and how it came. */
export async function see(made: Made, call: () => unknown): Promise<[how: string, what: unknown]> {
  let given: unknown;
  try {
    given = call();
  } catch (error) {
    return ["threw", error];
  }
  if (made.seen.calls !== 1) return ["was not called synchronously", made.seen.calls];
  try {
    const settled = await given;
    // What is no thenable must be the very thing that the handler gave.
    return settled === given ? ["gave", given === made.seen.gave] : ["fulfilled", settled];
  } catch (error) {
    return ["rejected", error];
  }
}
