import { messagingRole } from "./messaging.ts";
import type { Span } from "./span.ts";
import type { Trace } from "./trace.ts";
import type { Verdict } from "./verdict.ts";

/** A span in its tree. */
export interface TreeNode {
  readonly span: Span;
  /** Undefined for a span that is no delivery. */
  readonly verdict: Verdict | undefined;
  /** Its parent is told, and is not here. */
  readonly parentAbsent: boolean;
  /** How it came under its parent: as a child, or from another trace by a link to it. */
  readonly joinedBy: "parent" | "link";
  /** The spans that it links to, as far as they are here; its own parent is not repeated. */
  readonly linksTo: readonly Span[];
  /** In the order of their start. */
  readonly children: readonly TreeNode[];
}

/** A trace, with what other traces' links join to it. */
export interface TraceTree {
  readonly traceId: string;
  readonly roots: readonly TreeNode[];
  /** Spans of the trace itself and of what is joined to it. */
  readonly spans: number;
  /** Spans of the trace that are left out, for it is too large to look at. */
  readonly omitted: number;
  /** In the order of their first span. */
  readonly services: readonly string[];
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** The verdicts on the messages that were handled in it. */
  readonly verdicts: readonly Verdict[];
}

/** What the tree is made from besides the trace's own spans. */
export interface TreeSources {
  verdict(span: Span): Verdict | undefined;
  /** The deliveries and batches that link to a span. */
  linkedTo(span: Span): readonly Span[];
  trace(traceId: string): Trace | undefined;
}

/** More nobody reads in one tree. */
const MOST_NODES = 2000;

/**
 * The spans of a trace as a tree: children under their parent, and under the span that sent a
 * message those of other traces that handled it and link to it. Every span has one place, also
 * where hostile parents go round in a circle.
 */
export function treeOf(trace: Trace, sources: TreeSources): TraceTree {
  const planting = new Planting(sources);
  const roots: WritableNode[] = [];
  const all = byStart([...trace.spans.values()]);
  for (const span of all) {
    const { parentSpanId } = span;
    const parentAbsent = parentSpanId !== undefined && !trace.spans.has(parentSpanId);
    if (parentSpanId === undefined || parentAbsent) planting.plant(span, roots, parentAbsent);
  }
  for (const span of all) planting.plant(span, roots, false); // what only a circle leads to
  const planted = byStart(planting.spans());
  return {
    traceId: trace.id,
    roots,
    spans: planted.length,
    omitted: all.filter((span) => !planting.has(span)).length,
    services: [...new Set(planted.map(({ resource }) => resource.service))],
    startNs: planted[0]?.startNs ?? 0n,
    endNs: planted.reduce((end, span) => (span.endNs > end ? span.endNs : end), 0n),
    verdicts: planted.flatMap((span) => sources.verdict(span) ?? []),
  };
}

type WritableNode = Omit<TreeNode, "children"> & { readonly children: WritableNode[] };

/** Puts spans in their place, each once. Without recursion: a trace may be as deep as it has spans. */
class Planting {
  private readonly sources: TreeSources;
  private readonly placed = new Set<Span>();

  constructor(sources: TreeSources) {
    this.sources = sources;
  }

  has(span: Span): boolean {
    return this.placed.has(span);
  }

  spans(): Span[] {
    return [...this.placed];
  }

  /** Puts a span among `siblings`, and beneath it all that belongs there. */
  plant(span: Span, siblings: WritableNode[], parentAbsent: boolean): void {
    const growing: WritableNode[] = [];
    this.place(span, { siblings, joinedBy: "parent", parentAbsent }, growing);
    for (let node = growing.pop(); node !== undefined; node = growing.pop()) {
      const { children: siblings } = node;
      const children = this.childrenOf(node.span);
      for (const child of children) {
        this.place(child, { siblings, joinedBy: "parent", parentAbsent: false }, growing);
      }
      for (const linked of this.joinedTo(node.span, children)) {
        this.place(linked, { siblings, joinedBy: "link", parentAbsent: false }, growing);
      }
    }
  }

  private place(
    span: Span,
    at: Pick<TreeNode, "joinedBy" | "parentAbsent"> & { siblings: WritableNode[] },
    growing: WritableNode[],
  ): void {
    if (this.placed.has(span) || this.placed.size >= MOST_NODES) return;
    this.placed.add(span);
    const { joinedBy, parentAbsent, siblings } = at;
    const verdict = this.sources.verdict(span);
    const linksTo = this.linkTargets(span);
    const node = { span, verdict, parentAbsent, joinedBy, linksTo, children: [] };
    siblings.push(node);
    // A batch belongs to many messages: what happened in it is not shown beneath each of them.
    if (joinedBy === "parent" || verdict !== undefined) growing.push(node);
  }

  private childrenOf(span: Span): Span[] {
    return byStart(this.sources.trace(span.traceId)?.children.get(span.spanId) ?? []);
  }

  /**
   * What links to a span and has no better place: a handling that is a trace of its own, and a batch
   * where no handling of the message tells of it already.
   */
  private joinedTo(span: Span, children: readonly Span[]): Span[] {
    const linked = this.sources.linkedTo(span);
    if (linked.length === 0) return [];
    const apart = linked.filter((each) => this.sources.verdict(each) === "linked");
    const told = [...children, ...apart].flatMap(({ links }) => links.map(({ spanId }) => spanId));
    const batches = linked.filter(
      (each) => messagingRole(each) === "batch" && !told.includes(each.spanId),
    );
    const joined = messagingRole(span) === "batch" ? [] : [...apart, ...batches];
    return byStart(joined);
  }

  private linkTargets(span: Span): Span[] {
    return span.links.flatMap(({ traceId, spanId }) => {
      const target = this.sources.trace(traceId)?.spans.get(spanId);
      return target === undefined || this.placed.has(target) ? [] : [target];
    });
  }
}

function byStart(spans: readonly Span[]): Span[] {
  return spans.toSorted((a, b) => (a.startNs < b.startNs ? -1 : a.startNs > b.startNs ? 1 : 0));
}
