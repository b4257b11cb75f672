import type { Trace } from "./trace.ts";

/** A trace that has not grown for this long, all of its parents there, is taken for complete. */
const QUIET_MS = 1500;
/** The same for one whose parents did not all come: they may be another system's, or dropped. */
const PATIENCE_MS = 10_000;

/** Tells when traces are complete, as far as anybody can: once they have been quiet for a while. */
export class Settling {
  /** Traces that have grown since they were last told of, in the order of growth. */
  private readonly growing = new Map<string, Trace>();
  /** Quiet ones that lack a parent, in the order of growth. */
  private readonly lacking = new Map<string, Trace>();

  grew(trace: Trace): void {
    this.lacking.delete(trace.id);
    this.growing.delete(trace.id);
    this.growing.set(trace.id, trace);
  }

  forget(trace: Trace): void {
    this.growing.delete(trace.id);
    this.lacking.delete(trace.id);
  }

  /** The traces that have become complete since the last call. */
  settled(nowMs: number): Trace[] {
    const settled: Trace[] = [];
    for (const trace of this.growing.values()) {
      if (trace.grownMs + QUIET_MS > nowMs) break;
      this.growing.delete(trace.id);
      if (trace.isWhole()) settled.push(trace);
      else this.lacking.set(trace.id, trace);
    }
    for (const trace of this.lacking.values()) {
      if (trace.grownMs + PATIENCE_MS > nowMs) break;
      this.lacking.delete(trace.id);
      settled.push(trace);
    }
    return settled;
  }
}
