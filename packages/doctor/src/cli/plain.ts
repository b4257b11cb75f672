import type { Engine } from "../engine/engine.ts";
import { messagingRole } from "../engine/messaging.ts";
import type { Trace } from "../engine/trace.ts";
import { traceLine, wholeLine } from "../report/words.ts";
import { printable } from "./terminal/columns.ts";

/** Lines for traces in one second; more are counted. */
const MOST_TRACES_PER_SECOND = 10;
const SECOND_MS = 1000;

/** Prints a line for each complete trace, and the share of whole messages as it changes: for pipes. */
export class PlainLines {
  private readonly engine: Engine;
  private readonly print: (line: string) => void;
  private sinceMs = 0;
  private printed = 0;
  private leftOut = 0;
  private share = "";
  private last = "";

  constructor(engine: Engine, print: (line: string) => void) {
    this.engine = engine;
    this.print = print;
  }

  /** Takes note of traces that have become complete. */
  consider(traces: readonly Trace[], nowMs: number): void {
    for (const { id } of traces.filter((trace) => !isBatch(trace))) {
      const tree = this.printed < MOST_TRACES_PER_SECOND ? this.engine.tree(id) : undefined;
      if (tree === undefined) {
        this.leftOut += 1;
      } else {
        this.printed += 1;
        this.say(printable(traceLine(tree)));
      }
    }
    if (nowMs - this.sinceMs >= SECOND_MS) this.endSecond(nowMs);
  }

  /** Prints what is still to be said; the share is always the last line. */
  end(): void {
    this.endSecond(0);
    const share = wholeLine(this.engine.snapshot().messages);
    if (this.last !== share) this.say(share);
  }

  private say(line: string): void {
    this.last = line;
    this.print(line);
  }

  private endSecond(nowMs: number): void {
    this.sinceMs = nowMs;
    if (this.leftOut > 0) this.say(`and ${this.leftOut} more traces`);
    this.printed = 0;
    this.leftOut = 0;
    const { messages } = this.engine.snapshot();
    const share = wholeLine(messages);
    const any = messages.connected + messages.linked + messages.broken + messages.waiting > 0;
    if (!any || share === this.share) return;
    this.say(share);
    this.share = share;
  }
}

/** The trace of a batch as a whole says nothing of a message that the messages' own do not. */
function isBatch(trace: Trace): boolean {
  const spans = [...trace.spans.values()];
  return spans.some((span) => span.parentSpanId === undefined && messagingRole(span) === "batch");
}
