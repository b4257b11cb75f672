import type { Span } from "./span.ts";

/** The spans of one trace that have arrived, found by their id and by their parent's. */
export class Trace {
  readonly id: string;
  readonly spans: Map<string, Span> = new Map();
  /** Spans by the id of their parent, which may not be here. */
  readonly children: Map<string, Span[]> = new Map();
  encodedBytes = 0;
  /** When the last span came, in milliseconds of the clock that the engine is given. */
  grownMs: number;

  constructor(id: string, nowMs: number) {
    this.id = id;
    this.grownMs = nowMs;
  }

  add(span: Span, nowMs: number): void {
    this.spans.set(span.spanId, span);
    this.encodedBytes += span.encodedBytes;
    this.grownMs = nowMs;
    if (span.parentSpanId === undefined) return;
    const siblings = this.children.get(span.parentSpanId);
    if (siblings === undefined) this.children.set(span.parentSpanId, [span]);
    else siblings.push(span);
  }

  /** Whether every span's parent is here. */
  isWhole(): boolean {
    for (const parent of this.children.keys()) if (!this.spans.has(parent)) return false;
    return true;
  }
}
