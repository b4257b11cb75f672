import { SpanKind } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";

/** Every trace as a tree, in the order of their start. */
export function trees(spans: readonly ReadableSpan[]): string {
  const ids = new Set(spans.map((span) => span.spanContext().spanId));
  const lines: string[] = [];
  const put = (span: ReadableSpan, depth: number): void => {
    const { spanId } = span.spanContext();
    const links = span.links.length === 0 ? "" : `, links: ${span.links.length}`;
    const kind = SpanKind[span.kind].toLowerCase();
    lines.push(`${"  ".repeat(depth)}${serviceOf(span)}: ${span.name} (${kind}${links})`);
    for (const child of spans) {
      if (child.parentSpanContext?.spanId === spanId) put(child, depth + 1);
    }
  };
  for (const root of spans) {
    if (root.parentSpanContext !== undefined && ids.has(root.parentSpanContext.spanId)) continue;
    lines.push(`trace ${root.spanContext().traceId.slice(0, 8)}`);
    put(root, 1);
  }
  return lines.join("\n");
}

const serviceOf = (span: ReadableSpan): string => String(span.resource.attributes["service.name"]);
