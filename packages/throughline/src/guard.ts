import { diag, type Span } from "@opentelemetry/api";

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
  if (countFault(step) > 1) return;
  say(() =>
    diag.error(
      `throughline: ${step} failed; messages go on without it. Later failures of this step are counted in throughline.faults and not logged.`,
      error,
    ),
  );
}

/** Counts a failure that is said in other words, and gives how many of its step there were. */
export function countFault(step: Step): number {
  const now = (counted.get(step) ?? 0) + 1;
  counted.set(step, now);
  return now;
}

// Where the application's logger fails, there is nowhere left to say so.
function say(log: () => unknown): void {
  const silence = (): void => {};
  try {
    const said = log();
    if (said instanceof Promise) said.then(undefined, silence);
  } catch {
    silence();
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
  say(() => diag.warn(`throughline: ${text}`));
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

/**
 * A tracer's span, where it is one.
 *
 * @throws {TypeError} where the tracer gave something else.
 */
export function started(span: Span): Span {
  if (typeof (span as Span | undefined)?.isRecording === "function") return span;
  discard("start span", span);
  throw new TypeError("the tracer gave no span");
}

/**
 * What the application gave where a value of another kind is needed at once: counted as a failure,
 * and discarded where it is a promise.
 */
export function unfit(step: Step, value: unknown): void {
  fault(
    step,
    new TypeError(`${step} got ${value instanceof Promise ? "a promise" : typeof value}`),
  );
  discard(step, value);
}
