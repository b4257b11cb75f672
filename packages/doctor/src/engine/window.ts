import type { Span } from "./span.ts";
import { Trace } from "./trace.ts";

/** How much is remembered. */
export interface WindowLimits {
  /** Default 100,000. */
  readonly spans: number;
  /** Bytes of spans as they are on the wire; in memory they take about three times that. Default 64 MiB. */
  readonly encodedBytes: number;
  /** Spans of one trace, so that an endless one does not push out all others. Default 10,000. */
  readonly spansPerTrace: number;
}

export const WINDOW_LIMITS: WindowLimits = {
  spans: 100_000,
  encodedBytes: 64 * 1024 * 1024,
  spansPerTrace: 10_000,
};

/** What is in the window, and what is not because of its limits. */
export interface WindowSize {
  readonly spans: number;
  readonly traces: number;
  /** Spans that made room for newer ones. */
  readonly forgotten: number;
  /** Spans that were never taken in: their trace was full. */
  readonly refused: number;
  /** Spans that came a second time, as they do when an exporter tries again. */
  readonly repeated: number;
}

/** The part of the spans that stays when room is made. */
const SLACK = 127 / 128;

/**
 * The traces of late. When it is full the trace that has not grown for longest is forgotten as a
 * whole: half a trace would look like a broken one.
 */
export class SpanWindow {
  private readonly limits: WindowLimits;
  private readonly onForget: (trace: Trace) => void;
  /** In the order of growth, the one that grew last at the end. */
  private readonly traces = new Map<string, Trace>();
  private last: Trace | undefined;
  private spans = 0;
  private encodedBytes = 0;
  private forgotten = 0;
  private refused = 0;
  private repeated = 0;

  constructor(limits: WindowLimits, onForget: (trace: Trace) => void) {
    this.limits = limits;
    this.onForget = onForget;
  }

  /** Takes a span in; gives its trace, or undefined where the span is not new or there is no room. */
  add(span: Span, nowMs: number): Trace | undefined {
    let trace = this.traces.get(span.traceId);
    if (trace?.spans.has(span.spanId) === true) {
      this.repeated += 1;
      return undefined;
    }
    if (trace !== undefined) this.putLast(trace);
    if (
      (trace?.spans.size ?? 0) >= this.limits.spansPerTrace ||
      !(this.hasRoomFor(span) || this.makeRoomFor(span))
    ) {
      this.refused += 1;
      return undefined;
    }
    if (trace === undefined) {
      trace = new Trace(span.traceId, nowMs);
      this.putLast(trace);
    }
    trace.add(span, nowMs);
    this.spans += 1;
    this.encodedBytes += span.encodedBytes;
    return trace;
  }

  trace(traceId: string): Trace | undefined {
    return this.traces.get(traceId);
  }

  span(traceId: string, spanId: string): Span | undefined {
    return this.traces.get(traceId)?.spans.get(spanId);
  }

  /** The traces that grew last, at most so many. */
  latest(most: number): Trace[] {
    return [...this.traces.values()].slice(-most);
  }

  size(): WindowSize {
    const { spans, forgotten, refused, repeated } = this;
    return { spans, traces: this.traces.size, forgotten, refused, repeated };
  }

  private putLast(trace: Trace): void {
    if (trace === this.last) return;
    this.traces.delete(trace.id);
    this.traces.set(trace.id, trace);
    this.last = trace;
  }

  private hasRoomFor({ encodedBytes }: Span): boolean {
    const { limits } = this;
    return this.spans < limits.spans && this.encodedBytes + encodedBytes <= limits.encodedBytes;
  }

  /**
   * Forgets what stands in a span's way, the oldest first and never the span's own trace; false
   * where even that is not enough. It forgets some more than it must: a Map is slow to find its
   * first entry after others before it were deleted, so that is done once for many spans.
   */
  private makeRoomFor(span: Span): boolean {
    const enough = Math.floor(this.spans * SLACK);
    for (const oldest of this.traces.values()) {
      if (oldest.id === span.traceId || (this.spans <= enough && this.hasRoomFor(span))) break;
      this.traces.delete(oldest.id);
      this.spans -= oldest.spans.size;
      this.encodedBytes -= oldest.encodedBytes;
      this.forgotten += oldest.spans.size;
      this.onForget(oldest);
    }
    return this.hasRoomFor(span);
  }
}
