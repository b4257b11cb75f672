import { type SpanContext, SpanKind } from "@opentelemetry/api";
import { type CollectedSpan, failureText, hasFailed, shortId } from "./span.ts";

/**
 * Spans as text, a tree for each trace, in the order in which they started:
 *
 * ```
 * trace 4bf92f35
 *   place order
 *   └─ send orders (producer)
 *      └─ process orders (consumer) ERROR CardDeclined: no funds
 *         └─ charge card, never ended  ◀
 * ```
 *
 * @param marked spans to point at.
 */
export function treeOf(
  spans: readonly CollectedSpan[],
  marked: readonly CollectedSpan[] = [],
): string {
  if (spans.length === 0)
    return "(no span was collected: is collectSpans() among the span processors of the registered provider?)";
  const forest = new Forest(spans, new Set(marked));
  return [...forest.traces]
    .flatMap(([traceId, tops]) => [
      `trace ${shortId(traceId)}`,
      ...tops.flatMap((top) => forest.draw(top, "  ", "  ")),
    ])
    .join("\n");
}

class Forest {
  /** The spans of each trace whose parent is not among them. */
  readonly traces = new Map<string, CollectedSpan[]>();
  private readonly byId: ReadonlyMap<string, CollectedSpan>;
  private readonly below = new Map<CollectedSpan, CollectedSpan[]>();
  private readonly marked: ReadonlySet<CollectedSpan>;

  constructor(spans: readonly CollectedSpan[], marked: ReadonlySet<CollectedSpan>) {
    this.marked = marked;
    this.byId = new Map(spans.map((span) => [idOf(span.spanContext()), span]));
    for (const span of spans) {
      const { parentSpanContext: parent } = span;
      const above = parent && this.byId.get(idOf(parent));
      if (above === undefined) add(this.traces, span.spanContext().traceId, span);
      else add(this.below, above, span);
    }
  }

  draw(span: CollectedSpan, first: string, rest: string): string[] {
    const children = this.below.get(span) ?? [];
    const lines = [`${first}${this.describe(span)}${this.marked.has(span) ? "  ◀" : ""}`];
    const beside = children.length > 0 ? "│  " : "   ";
    for (const { context } of span.links)
      lines.push(`${rest}${beside}${this.describeLink(context)}`);
    children.forEach((child, at) => {
      const last = at === children.length - 1;
      const [branch, indent] = last ? ["└─ ", "   "] : ["├─ ", "│  "];
      lines.push(...this.draw(child, rest + branch, rest + indent));
    });
    return lines;
  }

  private describe(span: CollectedSpan): string {
    const { name, kind, parentSpanContext: parent } = span;
    const kindText = kind === SpanKind.INTERNAL ? "" : ` (${SpanKind[kind]?.toLowerCase()})`;
    const elsewhere =
      parent === undefined || this.byId.has(idOf(parent))
        ? ""
        : ` under ${shortId(parent.spanId)}, ${parent.isRemote === true ? "which came with a message" : "which was not collected"}`;
    const failure = hasFailed(span) ? ` ERROR ${failureText(span)}` : "";
    return `${name}${kindText}${elsewhere}${failure}${span.ended ? "" : ", never ended"}`;
  }

  private describeLink(context: SpanContext): string {
    const name = this.byId.get(idOf(context))?.name;
    const span = name ?? `${shortId(context.spanId)}, which was not collected,`;
    return `linked to ${span} in trace ${shortId(context.traceId)}`;
  }
}

function idOf({ traceId, spanId }: SpanContext): string {
  return traceId + spanId;
}

function add<Key>(lists: Map<Key, CollectedSpan[]>, key: Key, span: CollectedSpan): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [span]);
  else list.push(span);
}
