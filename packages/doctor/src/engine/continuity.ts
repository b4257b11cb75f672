import { messagingRole } from "./messaging.ts";
import type { Span } from "./span.ts";
import type { Trace } from "./trace.ts";
import { judge, originLinks, type Verdict } from "./verdict.ts";
import type { SpanWindow } from "./window.ts";

/** Told of each verdict that is reached, changed (`before` set) or forgotten (`after` undefined). */
export type OnVerdict = (
  span: Span,
  before: Verdict | undefined,
  after: Verdict | undefined,
) => void;

/**
 * Keeps a verdict on every delivery in the window, and reconsiders it when a span arrives that it
 * waits for.
 */
export class Continuity {
  private readonly window: SpanWindow;
  private readonly onVerdict: OnVerdict;
  private readonly verdicts = new Map<Span, Verdict>();
  /** Deliveries and batches, by the spans that they link to. */
  private readonly linking = new Map<string, Span[]>();
  private readonly find = (traceId: string, spanId: string): Span | undefined =>
    this.window.span(traceId, spanId);

  constructor(window: SpanWindow, onVerdict: OnVerdict) {
    this.window = window;
    this.onVerdict = onVerdict;
  }

  /** Takes note of a span that has just come into the window, and its trace. */
  add(span: Span, trace: Trace): void {
    const role = messagingRole(span);
    if (role === "delivery" || role === "batch") this.noteLinks(span);
    if (role === "delivery") this.consider(span);
    for (const child of trace.children.get(span.spanId) ?? []) this.consider(child);
    if (this.linking.size > 0) for (const linked of this.linkedTo(span)) this.consider(linked);
  }

  /** Takes note that a trace has left the window. */
  forget(trace: Trace): void {
    for (const span of trace.spans.values()) {
      const before = this.verdicts.get(span);
      if (before !== undefined) {
        this.verdicts.delete(span);
        this.onVerdict(span, before, undefined);
      }
      if (span.links.length > 0) this.forgetLinks(span);
    }
  }

  verdict(span: Span): Verdict | undefined {
    return this.verdicts.get(span);
  }

  /** The deliveries and batches that link to a span. */
  linkedTo(span: Span): readonly Span[] {
    return this.linking.get(keyOf(span)) ?? [];
  }

  /** What was whole stays so: what proves it may have left the window since. */
  private consider(span: Span): void {
    const before = this.verdicts.get(span);
    if (before === "connected") return;
    const after = judge(span, this.find);
    if (after === before || (before === "linked" && after !== "connected")) return;
    if (after === undefined) this.verdicts.delete(span);
    else this.verdicts.set(span, after);
    this.onVerdict(span, before, after);
  }

  private noteLinks(span: Span): void {
    for (const link of originLinks(span)) {
      const key = keyOf(link);
      const linking = this.linking.get(key);
      if (linking === undefined) this.linking.set(key, [span]);
      else if (!linking.includes(span)) linking.push(span);
    }
  }

  private forgetLinks(span: Span): void {
    for (const link of originLinks(span)) {
      const key = keyOf(link);
      const left = this.linking.get(key)?.filter((each) => each !== span) ?? [];
      if (left.length === 0) this.linking.delete(key);
      else this.linking.set(key, left);
    }
  }
}

function keyOf({ traceId, spanId }: Pick<Span, "traceId" | "spanId">): string {
  return traceId + spanId;
}
