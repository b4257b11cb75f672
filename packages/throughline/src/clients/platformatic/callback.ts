import { activeContext } from "../../context.ts";
import { Call, type Ending, follow } from "../../run.ts";

/**
 * Makes a call of the client's that tells its outcome by a promise or, given a callback as its second
 * argument, by that; `ending` ends with it. The callback runs in the context of the call: the
 * client makes it from a connection's, which may be any other call's.
 */
export function callWith(
  own: Function,
  self: object,
  args: readonly unknown[],
  ending: Ending,
): unknown {
  const [options, callback, ...others] = args;
  if (typeof callback !== "function") {
    const call = (): unknown => Reflect.apply(own, self, args);
    return follow(new Call(call, undefined, undefined), undefined, ending);
  }
  const active = activeContext();
  let ended = false;
  const end = (failed: boolean, error: unknown): void => {
    if (ended) return;
    ended = true;
    ending.end(failed, error);
  };
  // A proxy keeps the callback's own properties: the client looks for a promise of its own there.
  const told = new Proxy(callback, {
    apply(_callback, receiver, outcome: unknown[]) {
      end(Boolean(outcome[0]), outcome[0]);
      const call = function (this: unknown): unknown {
        return Reflect.apply(callback, this, outcome);
      };
      return new Call(call, receiver, undefined).within(active);
    },
  });
  try {
    return Reflect.apply(own, self, [options, told, ...others]);
  } catch (error) {
    end(true, error);
    throw error;
  }
}
