import { Sources } from "../../delivered.ts";
import { fault } from "../../guard.ts";
import { batchHeld, processHeld, type Told } from "../../process.ts";
import { callTold, opensOwnScopes } from "../../retry.ts";
import { Call } from "../../run.ts";
import type { Tracing } from "../../tracing.ts";
import { lambdaFormat } from "./format.ts";
import { type Delivered, deliveredIn, deliveryOf } from "./records.ts";

type Handler = (...args: never[]) => unknown;

type OneArgument = (argument: unknown) => unknown;

/** Where Lambda's callback stands among a handler's arguments. */
const CALLBACK = 2;

/** A handler of an event, or of one record, that runs in the context of what it is called with. */
export function tracedHandler<Given extends Handler>(handler: Given, tracing: Tracing): Given {
  const sources = new Sources(lambdaFormat, tracing);
  const told: Told = { source: (record) => sources.of(deliveryOf(record) ?? {}) };
  // A proxy keeps the function's name, its length and whatever marks it (response streaming does).
  return new Proxy(handler, {
    apply(_handler, self: unknown, args: unknown[]) {
      const delivered = find(args[0]);
      const plain = (): unknown => Reflect.apply(handler, self, args);
      if (delivered === undefined) return plain();
      const { records, single } = delivered;
      const [record] = records;
      // A handler from withRetries opens a span for each attempt: one around them all would nest them.
      if (single && record !== undefined && opensOwnScopes(handler)) {
        return callTold(handler as unknown as OneArgument, args[0], deliveryOf(record));
      }
      return answering(handler, self, args, (work) => {
        const call = new Call(work, undefined, undefined);
        return single && record !== undefined
          ? processHeld(record, told, call)
          : batchHeld(records, told, call);
      });
    },
  });
}

function find(event: unknown): Delivered | undefined {
  try {
    return deliveredIn(event);
  } catch (error) {
    fault("adapter", error);
    return undefined;
  }
}

/**
 * Makes the handler's call in a scope that ends with its answer: what it returns, or its callback
 * where it returns nothing and takes one.
 */
function answering(
  handler: Handler,
  self: unknown,
  args: readonly unknown[],
  within: (work: () => unknown) => unknown,
): unknown {
  const callback = args[CALLBACK];
  if (typeof callback !== "function" || handler.length <= CALLBACK) {
    return within(() => Reflect.apply(handler, self, args));
  }
  let waits = false;
  const result = within(() => {
    let settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;
    const called = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
    called.catch(() => {});
    const given = args.with(CALLBACK, function (this: unknown, ...told: unknown[]): unknown {
      if (told[0] === null || told[0] === undefined) settle?.resolve();
      else settle?.reject(told[0]);
      return Reflect.apply(callback, this, told);
    });
    const returned: unknown = Reflect.apply(handler, self, given);
    waits = returned === undefined;
    return waits ? called : returned;
  });
  if (!waits) return result;
  (result as Promise<void>).catch(() => {});
  return undefined;
}
