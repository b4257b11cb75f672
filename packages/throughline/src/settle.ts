import type { Attributes, Context, Link, Span } from "@opentelemetry/api";
import { activeContext } from "./context.ts";
import { fault, started } from "./guard.ts";
import { recordSince } from "./metrics.ts";
import { Call, type Ending, follow } from "./run.ts";
import { markFailed } from "./failure.ts";
import { ERROR_TYPE, errorType } from "./semconv.ts";
import { settlementNames } from "./settlement-names.ts";
import type { Tracing } from "./tracing.ts";

/** What a settlement is of; a commit over several destinations names none. */
export interface Settlement {
  readonly system: string;
  readonly destination: string | undefined;
  readonly group: string | undefined;
  /** Of the broker's own. */
  readonly attributes?: Attributes;
  /** The context that its span starts in. Default: the active one. */
  readonly context?: Context;
  /** The messages that are settled, where it is not started in the context of one. */
  readonly links?: Link[];
}

/**
 * Makes a settlement that the application asks for by itself (a commit, an ack) in a span of its
 * own, under whatever is active. A client's automatic ones get none.
 */
export function settle<Result>(
  operation: string,
  tracing: Tracing,
  settlement: Settlement,
  call: () => Result,
): Result {
  const ending = openSettlement(operation, tracing, settlement);
  if (ending === undefined) return call();
  return follow(new Call(call, undefined, undefined), undefined, ending);
}

/**
 * Opens a settlement, for one that answers through a callback: its span, and how long it takes.
 * Undefined where there is neither.
 */
export function openSettlement(
  operation: string,
  tracing: Tracing,
  settlement: Settlement,
): Ending | undefined {
  try {
    const named = settlementNames(operation, tracing, settlement);
    let span: Span | undefined;
    try {
      if (tracing.spans) {
        const { context, links } = settlement;
        const options = links === undefined ? named.options : { ...named.options, links };
        const above = context ?? activeContext();
        span = started(tracing.now().tracer.startSpan(named.spanName, options, above));
      }
    } catch (error) {
      fault("start span", error);
    }
    const timed = tracing.now().meters.operation !== undefined;
    if (span === undefined && !timed) return undefined;
    return new Settling(tracing, span, named.measured, timed ? performance.now() : 0);
  } catch (error) {
    fault("adapter", error);
    return undefined;
  }
}

/** A settlement on its way. */
class Settling implements Ending {
  private readonly tracing: Tracing;
  private readonly span: Span | undefined;
  private readonly measured: Attributes;
  private readonly startMs: number;

  constructor(tracing: Tracing, span: Span | undefined, measured: Attributes, startMs: number) {
    this.tracing = tracing;
    this.span = span;
    this.measured = measured;
    this.startMs = startMs;
  }

  end(failed: boolean, error: unknown): void {
    try {
      this.measure(failed ? errorType(error) : undefined);
    } catch (problem) {
      fault("metrics", problem);
    }
    try {
      if (failed && this.span?.isRecording()) markFailed(this.span, error);
      this.span?.end();
    } catch (problem) {
      fault("end span", problem);
    }
  }

  private measure(failure: string | undefined): void {
    const { operation } = this.tracing.now().meters;
    if (operation === undefined || this.startMs === 0) return;
    const attributes =
      failure === undefined ? this.measured : { ...this.measured, [ERROR_TYPE]: failure };
    recordSince(operation, this.startMs, attributes);
  }
}
