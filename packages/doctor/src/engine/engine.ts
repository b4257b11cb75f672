import { Continuity } from "./continuity.ts";
import { Settling } from "./settling.ts";
import type { Span } from "./span.ts";
import { type ServiceTally, type Shares, Tally } from "./tally.ts";
import type { Trace } from "./trace.ts";
import { type TraceTree, treeOf, type TreeSources } from "./tree.ts";
import type { Verdict } from "./verdict.ts";
import { SpanWindow, WINDOW_LIMITS, type WindowLimits, type WindowSize } from "./window.ts";

/** What the engine knows at one moment, as far as its window reaches. */
export interface Snapshot {
  /** All messages that were handled, by what became of their trace. */
  readonly messages: Shares;
  readonly services: readonly ServiceTally[];
  readonly window: WindowSize;
}

/**
 * Takes spans in as they come, in any order, and knows at each moment which messages kept their
 * trace. Does no I/O and reads no clock: times are given to it, in milliseconds of any one clock.
 *
 * @example
 * ```ts
 * import { Engine } from "throughline-doctor";
 * import assert from "node:assert";
 *
 * const engine = new Engine({ spans: 10_000 });
 * engine.add([], 0);
 * assert.deepEqual(engine.snapshot().messages, { connected: 0, linked: 0, broken: 0, waiting: 0 });
 * ```
 */
export class Engine {
  private readonly window: SpanWindow;
  private readonly continuity: Continuity;
  private readonly tally: Tally = new Tally();
  private readonly settling: Settling = new Settling();
  private readonly sources: TreeSources;

  constructor(limits: Partial<WindowLimits> = {}) {
    const { tally, settling } = this;
    const window = new SpanWindow({ ...WINDOW_LIMITS, ...limits }, (trace) => {
      continuity.forget(trace);
      settling.forget(trace);
      tally.forget(trace);
    });
    const continuity = new Continuity(window, (span, before, after) => {
      tally.count(span, before, after);
    });
    this.window = window;
    this.continuity = continuity;
    this.sources = {
      verdict: (span) => continuity.verdict(span),
      linkedTo: (span) => continuity.linkedTo(span),
      trace: (traceId) => window.trace(traceId),
    };
  }

  add(spans: readonly Span[], nowMs: number): void {
    for (const span of spans) {
      const trace = this.window.add(span, nowMs);
      if (trace === undefined) continue;
      this.tally.add(span);
      this.continuity.add(span, trace);
      this.settling.grew(trace);
    }
  }

  /** The traces that have become complete since the last call; one that grows again comes again. */
  settled(nowMs: number): Trace[] {
    return this.settling.settled(nowMs);
  }

  /** A trace as it is now; undefined where it is not in the window. */
  tree(traceId: string): TraceTree | undefined {
    const trace = this.window.trace(traceId);
    return trace && treeOf(trace, this.sources);
  }

  verdict(span: Span): Verdict | undefined {
    return this.continuity.verdict(span);
  }

  trace(traceId: string): Trace | undefined {
    return this.window.trace(traceId);
  }

  /** The traces that grew last, at most so many. */
  latest(most: number): Trace[] {
    return this.window.latest(most);
  }

  snapshot(): Snapshot {
    return {
      messages: this.tally.messages(),
      services: this.tally.services(),
      window: this.window.size(),
    };
  }
}
