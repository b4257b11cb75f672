import type { Engine } from "../engine/engine.ts";
import { type Severed, severedFrom } from "../engine/severed.ts";
import type { Trace } from "../engine/trace.ts";
import type { TraceTree } from "../engine/tree.ts";
import { Choice } from "./choice.ts";

/** Complete traces that are looked at, at one time: under load there are more than anybody can read. */
const MOST_CONSIDERED = 50;
/** Traces among which the other parts of a broken message's are looked for, and how often. */
const MOST_SEARCHED = 1000;
const SEARCH_MS = 1000;

/** The traces that are worth a look: a whole one, and what is left of one that is not. */
export interface Featuring {
  readonly whole: TraceTree | undefined;
  readonly severed: { readonly facts: Severed; readonly trees: readonly TraceTree[] } | undefined;
}

/** Chooses among the traces that have become complete. */
export class Featured {
  private readonly engine: Engine;
  private readonly whole = new Choice();
  private readonly broken = new Choice();
  private facts: Severed | undefined;
  private searched: { traceId: string; atMs: number } | undefined;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** Takes note of traces that have become complete. */
  consider(traces: readonly Trace[]): void {
    for (const { id } of traces.slice(-MOST_CONSIDERED)) {
      const tree = this.engine.tree(id);
      if (tree === undefined || tree.verdicts.length === 0) continue;
      if (tree.verdicts.includes("broken")) this.broken.offer(tree);
      else if (!tree.verdicts.includes("waiting")) this.whole.offer(tree);
    }
  }

  at(nowMs: number): Featuring {
    const traceId = this.whole.at(nowMs);
    const facts = this.search(nowMs);
    const trees = facts?.traceIds.flatMap((id) => this.engine.tree(id) ?? []) ?? [];
    return {
      whole: traceId === undefined ? undefined : this.engine.tree(traceId),
      severed: facts === undefined || trees.length === 0 ? undefined : { facts, trees },
    };
  }

  /** The traces of a broken one's message, looked for again now and then: some come later. */
  private search(nowMs: number): Severed | undefined {
    const traceId = this.broken.at(nowMs);
    if (traceId === undefined) return undefined;
    const { searched, engine } = this;
    if (searched?.traceId === traceId && nowMs - searched.atMs < SEARCH_MS) return this.facts;
    this.searched = { traceId, atMs: nowMs };
    const spans = engine.trace(traceId)?.spans.values() ?? [];
    const delivery = [...spans].find((span) => engine.verdict(span) === "broken");
    this.facts = delivery && severedFrom(delivery, engine.latest(MOST_SEARCHED));
    return this.facts;
  }
}
