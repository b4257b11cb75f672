import type { TraceTree } from "../engine/tree.ts";

/** A trace stays on the screen for at least this long: so long does it take to read one. */
const HOLD_MS = 5000;

/**
 * Chooses one trace after the other to be looked at: of those that were offered since the last
 * turn the one that reaches the most services, so that a dead letter's way is seen when there is
 * one; of those the latest.
 */
export class Choice {
  private current: string | undefined;
  private sinceMs = 0;
  private next: TraceTree | undefined;

  offer(tree: TraceTree): void {
    if (this.next === undefined || reach(tree) >= reach(this.next)) this.next = tree;
  }

  /** The id of the trace to show at this time. */
  at(nowMs: number): string | undefined {
    if (
      this.next !== undefined &&
      (this.current === undefined || nowMs - this.sinceMs >= HOLD_MS)
    ) {
      this.current = this.next.traceId;
      this.next = undefined;
      this.sinceMs = nowMs;
    }
    return this.current;
  }
}

function reach({ services, spans }: TraceTree): number {
  return services.length * 10_000 + spans;
}
