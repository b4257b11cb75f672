import type { Context, Span, SpanContext } from "@opentelemetry/api";
import type { Batch } from "./batch.ts";
import { REMOTE, valid } from "./context.ts";
import { markFailed, rememberFailure } from "./failure.ts";
import { discard, fault } from "./guard.ts";
import { recordSince } from "./metrics.ts";
import { type Call, type Ending, follow } from "./run.ts";
import { errorType } from "./semconv.ts";
import type { Source } from "./source.ts";

/** One message (or one batch) while it is handled: what is active for it, and how its span ends. */
export class Scope implements Ending {
  /** The message that is handled; undefined for a batch as a whole. */
  readonly message: object | undefined;
  readonly source: Source;
  /** The batch that the message was delivered in, or that is handled. */
  readonly batch: Batch | undefined;
  span: Span | undefined;
  /** What is active while it is handled. */
  context: Context;
  /** What the message was dead-lettered for: its span is an error though the handler resolves. */
  parked: { readonly error: unknown } | undefined;
  private readonly startMs: number;

  constructor(
    message: object | undefined,
    source: Source,
    batch: Batch | undefined,
    active: Context,
  ) {
    this.message = message;
    this.source = source;
    this.batch = batch;
    this.context = active;
    this.startMs = source.tracing.now().meters.process === undefined ? 0 : performance.now();
  }

  /** Whether anything ends with it: a span, or a time that is measured. */
  get ends(): boolean {
    return this.span !== undefined || this.startMs !== 0;
  }

  /** The span of this attempt; undefined where none was made: without an SDK the creation context itself comes back. */
  get attempt(): SpanContext | undefined {
    const made = valid(this.span?.spanContext());
    const creation = this.context.getValue(REMOTE) as SpanContext | undefined;
    return made?.spanId === creation?.spanId ? undefined : made;
  }

  /** Makes the host's call in this scope, which ends with it. */
  run<Argument, Result>(call: Call<Argument, Result>): Result {
    // Without a span or a clock there is nothing to end: the host's own promise is given back.
    if (!this.ends) return call.within(this.context);
    return follow(call, this.context, this);
  }

  /** Ends the span and records the duration. Never throws. Called once. */
  end(failed: boolean, thrown: unknown): void {
    const bad = failed || this.parked !== undefined;
    const error = failed ? thrown : this.parked?.error;
    try {
      if (bad && this.message !== undefined) rememberFailure(this.message, this.attempt);
      this.measure(bad ? errorType(error) : undefined);
    } catch (problem) {
      fault("metrics", problem);
    }
    try {
      if (this.span !== undefined) this.endSpan(this.span, bad, error);
    } catch (problem) {
      fault("end span", problem);
    }
  }

  private measure(type: string | undefined): void {
    // A batch whose messages were processed one by one is already in the measure.
    if (this.source.foreignSpans || (this.message === undefined && this.batch?.hadSingles)) return;
    const { process } = this.source.tracing.now().meters;
    if (process === undefined || this.startMs === 0) return;
    const { durationAttributes } = this.source;
    recordSince(
      process,
      this.startMs,
      type === undefined ? durationAttributes : this.source.failedDurationAttributes(type),
    );
  }

  private endSpan(span: Span, bad: boolean, error: unknown): void {
    if (span.isRecording()) {
      if (bad) markFailed(span, error);
      const { onEnd } = this.source.tracing.options;
      if (onEnd !== undefined) {
        try {
          discard("onEnd", onEnd(span, bad ? { error } : {}));
        } catch (problem) {
          fault("onEnd", problem);
        }
      }
    }
    span.end();
  }
}
