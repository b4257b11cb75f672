import { OPERATION_TYPE } from "../../semconv.ts";
import type { SpanCollector } from "../spans/collect.ts";
import type { SpanExpectation } from "../spans/expectation.ts";
import type { SpanChoice } from "../spans/reference.ts";
import { type CollectedSpan, isBatch, isProcess, isSame } from "../spans/span.ts";

/** Spans that process one message. */
export function processing(span: CollectedSpan): boolean {
  return isProcess(span) && !isBatch(span);
}

/** Spans that process a batch as a whole. */
export function processingBatch(span: CollectedSpan): boolean {
  return isProcess(span) && isBatch(span);
}

/** Spans whose context a message carries: of its own creation, or of its send. */
export function creating(span: CollectedSpan): boolean {
  const type = span.attributes[OPERATION_TYPE];
  return type === "create" || (type === "send" && !isBatch(span));
}

/** Spans of a send of several messages. */
export function sendingMany(span: CollectedSpan): boolean {
  return span.attributes[OPERATION_TYPE] === "send" && isBatch(span);
}

/** The span directly above another. */
export function above(spans: SpanCollector, choice: SpanChoice): SpanExpectation {
  const { parentSpanContext } = spans.expectSpan(choice).span;
  return spans.expectSpan((span) => isSame(span.spanContext(), parentSpanContext));
}
