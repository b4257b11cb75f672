import { isSpanContextValid, type SpanContext } from "@opentelemetry/api";
import { fail } from "./fail.ts";
import { type CollectedSpan, shortId } from "./span.ts";

/** Which spans are meant: by their name, by a pattern of it, or by whatever else is asked of a span. */
export type SpanChoice = string | RegExp | ((span: CollectedSpan) => boolean);

/** One span to compare with: chosen among those collected, or any that has, or is, a span context. */
export type SpanReference = SpanChoice | SpanContext | { spanContext(): SpanContext };

/** The spans that are meant, in the order of their start. */
export function choose(spans: readonly CollectedSpan[], choice: SpanChoice): CollectedSpan[] {
  if (typeof choice === "function") return spans.filter((span) => choice(span));
  return spans.filter(({ name }) =>
    typeof choice === "string" ? name === choice : choice.test(name),
  );
}

/** How a choice is called in a failure's text. */
export function choiceText(choice: SpanChoice): string {
  if (typeof choice === "string") return `"${choice}"`;
  return choice instanceof RegExp ? String(choice) : "of this choice";
}

/** A span that others are compared with, and how it is called in a failure's text. */
export interface Referred {
  readonly context: SpanContext;
  readonly text: string;
}

/** @throws AssertionError where the reference is not to exactly one span. */
export function refer(spans: readonly CollectedSpan[], reference: SpanReference): Referred {
  if (isChoice(reference)) {
    const found = choose(spans, reference);
    const [only] = found;
    if (only === undefined || found.length > 1) {
      const several = "compare with the span itself, as named() gives it";
      fail(
        found.length === 0
          ? `There is no span ${choiceText(reference)} to compare with.`
          : `There are ${found.length} spans ${choiceText(reference)}: ${several}.`,
        spans,
        found,
      );
    }
    return { context: only.spanContext(), text: `"${only.name}"` };
  }
  const context = "spanContext" in reference ? reference.spanContext() : reference;
  const collected = spans.find((span) => span.spanContext().spanId === context.spanId);
  if (!isSpanContextValid(context)) {
    fail("The span to compare with has no valid span context: is an SDK registered?", spans);
  }
  const text = collected === undefined ? `span ${shortId(context.spanId)}` : `"${collected.name}"`;
  return { context, text };
}

function isChoice(reference: SpanReference): reference is SpanChoice {
  return (
    typeof reference === "string" || typeof reference === "function" || reference instanceof RegExp
  );
}
