import { openSettlement, settle } from "../../settle.ts";
import type { Tracing } from "../../tracing.ts";
import type { Method } from "../../wrap.ts";
import { inContext } from "./callbacks.ts";
import type { Partitions } from "./partitions.ts";

/** The commits that a classic consumer's application makes by itself, each in a span of its own. */
export function commitMethods(partitions: Partitions, tracing: Tracing): Record<string, Method> {
  const committing: Method = (own, self, args) => {
    const settlement = partitions.settlementOf(args[0]);
    const commit = (): unknown => Reflect.apply(own, self, args);
    return settlement === undefined ? commit() : settle("commit", tracing, settlement, commit);
  };
  return {
    commit: committing,
    commitMessage: committing,
    commitSync: committing,
    commitMessageSync: committing,
    commitCb(own, self, args) {
      const [offsets, callback, ...rest] = args;
      const settlement = partitions.settlementOf(offsets);
      if (settlement === undefined || typeof callback !== "function") {
        return Reflect.apply(own, self, [offsets, inContext(callback), ...rest]);
      }
      const answer = inContext(callback);
      const ending = openSettlement("commit", tracing, settlement);
      const committed = function (this: unknown, ...answered: unknown[]): unknown {
        ending?.end(Boolean(answered[0]), answered[0]);
        return Reflect.apply(answer, this, answered);
      };
      try {
        return Reflect.apply(own, self, [offsets, committed, ...rest]);
      } catch (error) {
        ending?.end(true, error);
        throw error;
      }
    },
  };
}
