import { fault, unfit } from "./guard.ts";
import type { Relation } from "./relation.ts";
import type { Source } from "./source.ts";

/** The relation of one message, as the application's options say; a parent where they fail to. */
export function chosenRelation(message: object, source: Source): Relation {
  const { relation = "parent" } = source.tracing.options;
  if (typeof relation !== "function") return relation;
  try {
    const timestampMs = source.format.timestampMs?.(message);
    const ageMs = timestampMs === undefined ? undefined : Date.now() - timestampMs;
    const chosen: unknown = relation(message, { ageMs });
    if (chosen === "parent" || chosen === "link" || chosen === "both") return chosen;
    unfit("relation", chosen);
  } catch (error) {
    fault("relation", error);
  }
  return "parent";
}
