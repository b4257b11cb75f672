import type { Attributes, Span } from "@opentelemetry/api";
import type { Destination } from "./destination.ts";
import { markFailed } from "./failure.ts";
import { fault } from "./guard.ts";
import type { Ending } from "./run.ts";
import { errorType } from "./semconv.ts";

/** One send while it is under way: the headers to send, and how its span ends. */
export class Sending implements Ending {
  /** New headers, one for each message; undefined for a message to be sent as it is. */
  readonly headers: readonly (object | undefined)[];
  private readonly destination: Destination;
  /** The span, where it records. */
  private readonly span: Span | undefined;
  private readonly startMs: number;
  private refusal: { readonly count: number; readonly error: unknown } | undefined;

  constructor(
    destination: Destination,
    headers: readonly (object | undefined)[],
    span: Span | undefined,
  ) {
    this.destination = destination;
    this.headers = headers;
    if (span?.isRecording()) this.span = span;
    // It has no time to tell: it waits for nothing.
    else endSpan(span);
    this.startMs = destination.tracing.now().meters.operation ? performance.now() : 0;
  }

  /**
   * Whether anything ends with it: a span that records, or a time that is measured. Where nothing
   * does, the host's own promise may be given back: end() would have nothing but a count to keep,
   * which no meter provider is there to read.
   */
  get ends(): boolean {
    return this.span !== undefined || this.startMs !== 0;
  }

  /** Puts on the span what the broker answered. */
  annotate(attributes: Attributes): void {
    this.span?.setAttributes(attributes);
  }

  /** Takes note that the broker refused some messages of a send that it otherwise took. */
  refuse(count: number, error: unknown): void {
    this.refusal = { count, error };
  }

  /** Ends the span and counts the messages. Never throws. */
  end(failed: boolean, error: unknown): void {
    const refusal = failed ? { count: this.headers.length, error } : this.refusal;
    try {
      let sent = this.headers.length;
      let type: string | undefined;
      if (refusal !== undefined) {
        type = errorType(refusal.error);
        sent -= refusal.count;
        if (refusal.count > 0) this.destination.countSent(refusal.count, type);
      }
      this.destination.countSent(sent, undefined);
      if (this.startMs !== 0) this.destination.measure(this.startMs, type);
    } catch (problem) {
      fault("metrics", problem);
    }
    const { span } = this;
    if (span === undefined) return;
    if (refusal !== undefined) markFailed(span, refusal.error);
    endSpan(span);
  }
}

/** Ends a span. Never throws. */
export function endSpan(span: Span | undefined): void {
  try {
    span?.end();
  } catch (problem) {
    fault("end span", problem);
  }
}
