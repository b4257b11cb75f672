import { diag } from "@opentelemetry/api";

/** The step of the flow in which tracing failed. A closed list, so that what is kept stays bounded. */
export type Step =
  | "extract"
  | "inject"
  | "start span"
  | "end span"
  | "activate"
  | "attributes"
  | "onEnd"
  | "relation"
  | "ignore"
  | "metrics"
  | "adapter";

const counted = new Map<Step, number>();

/**
 * Takes note that tracing failed while the host goes on: the first failure of each step is logged
 * through the api's diag, all are counted (metric `throughline.faults`). Never throws, whatever the
 * application's logger does.
 */
export function fault(step: Step, error: unknown): void {
  const before = counted.get(step) ?? 0;
  counted.set(step, before + 1);
  if (before > 0) return;
  try {
    diag.error(
      `throughline: ${step} failed; messages go on without it. Later failures of this step are counted in throughline.faults and not logged.`,
      error,
    );
  } catch {
    // The application's logger failed: there is nowhere left to say so.
  }
}

/** How often each step has failed since the process started. */
export function faults(): ReadonlyMap<Step, number> {
  return counted;
}

const warned = new Set<string>();

/** Says something once a process through the api's diag; `what` is the key and must come from a closed list. */
export function warnOnce(what: string, text: string): void {
  if (warned.has(what)) return;
  warned.add(what);
  try {
    diag.warn(`throughline: ${text}`);
  } catch {
    // As in fault().
  }
}

/**
 * Swallows what a callback of the application gives back when it turns out to be a promise, so that
 * its rejection never becomes an unhandled one. The promise is not waited for.
 */
export function discard(step: Step, value: unknown): void {
  if (value === null || typeof value !== "object") return;
  try {
    if (value instanceof Promise) value.then(undefined, (error) => fault(step, error));
  } catch (error) {
    fault(step, error);
  }
}
