import { type Span, type SpanContext, SpanStatusCode } from "@opentelemetry/api";
import { fault } from "./guard.ts";
import { ERROR_TYPE, errorType } from "./semconv.ts";

/** What is remembered of a message whose handling failed, for whoever dead-letters it later. */
export interface Failure {
  /** The span of the last failed attempt; undefined where no span was made. */
  readonly attempt: SpanContext | undefined;
  /** How often handling this very message object has failed. */
  readonly attempts: number;
}

// Under a global symbol, so that a message which failed in one copy of this library is known to another.
const KEY = Symbol.for("throughline.failures.1");
const shared = globalThis as { [KEY]?: WeakMap<object, Failure> };
const failures: WeakMap<object, Failure> = (shared[KEY] ??= new WeakMap<object, Failure>());

/** Takes note that handling a message failed, in the span that is about to end, where there is one. */
export function rememberFailure(message: object, span: SpanContext | undefined): void {
  const attempt = span ?? failures.get(message)?.attempt;
  failures.set(message, { attempt, attempts: (failures.get(message)?.attempts ?? 0) + 1 });
}

/** What is remembered of a message; undefined where its handling has not failed here. */
export function failureOf(message: object): Failure | undefined {
  return failures.get(message);
}

/** Status ERROR, `error.type` and the exception event on a span. */
export function markFailed(span: Span, error: unknown): void {
  try {
    const message = error instanceof Error ? error.message : String(error);
    span.setStatus({ code: SpanStatusCode.ERROR, message });
    span.setAttribute(ERROR_TYPE, errorType(error));
    span.recordException(error instanceof Error ? error : message);
  } catch (problem) {
    fault("end span", problem);
  }
}
