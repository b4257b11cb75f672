import type { Tracing } from "../../tracing.ts";
import { DLQ_ATTRIBUTE } from "./dlq.ts";

/**
 * The names of message attributes to ask SQS for, which gives none that it is not asked for: the
 * application's, and beside them the propagator's fields and a dead letter's. Undefined where the
 * application's will do, or are not a list.
 *
 * @param unregistered what to ask for where no propagator is registered yet.
 */
export function askedNames(
  given: unknown,
  tracing: Tracing,
  unregistered: readonly string[] = [],
): string[] | undefined {
  if (given !== undefined && given !== null && !Array.isArray(given)) return undefined;
  const { propagator, fields } = tracing.now().carrying;
  const own = (given ?? []) as unknown[];
  const covered = (name: string): boolean => own.some((each) => covers(each, name));
  // A propagator of the application's may write its fields in capitals.
  const registered = [...(propagator?.fields() ?? fields)];
  const ours = registered.length === 0 ? unregistered : registered;
  if (ours.length === 0) return undefined;
  const missing = [...ours, DLQ_ATTRIBUTE].filter((name) => !covered(name));
  return missing.length === 0 ? undefined : [...(own as string[]), ...missing];
}

/** `All` and `.*` are everything; `trace.*` what starts with `trace`, as SQS reads it. */
function covers(asked: unknown, name: string): boolean {
  if (typeof asked !== "string") return false;
  if (asked === "All" || asked === name) return true;
  return asked.endsWith(".*") && name.startsWith(asked.slice(0, -".*".length));
}
