import type { Attributes, SpanContext } from "@opentelemetry/api";
import { isDeepStrictEqual } from "node:util";
import { fail } from "./fail.ts";
import { refer, type SpanReference } from "./reference.ts";
import { type CollectedSpan, failureText, hasFailed, isSame, shortId } from "./span.ts";
import { ERROR_TYPE } from "../../semconv.ts";

/**
 * What is expected of one span, or of each of several. Every method gives the expectation back, and
 * throws an AssertionError with the spans as a tree where a span is not as expected.
 */
export class SpanExpectation {
  /** The spans in question, in the order of their start. */
  readonly spans: readonly CollectedSpan[];
  private readonly all: readonly CollectedSpan[];

  constructor(spans: readonly CollectedSpan[], all: readonly CollectedSpan[]) {
    this.spans = spans;
    this.all = all;
  }

  /** The one span in question. @throws AssertionError where there are several. */
  get span(): CollectedSpan {
    const [only] = this.spans;
    if (only === undefined || this.spans.length > 1) {
      fail(`Expected one span, there are ${this.spans.length}.`, this.all, this.spans);
    }
    return only;
  }

  /** The span context of the one span in question, so that others can be compared with it. */
  spanContext(): SpanContext {
    return this.span.spanContext();
  }

  /** In the same trace as another span, wherever in it. */
  inTraceOf(other: SpanReference): this {
    const { context, text } = refer(this.all, other);
    return this.each((span) => {
      const { traceId } = span.spanContext();
      if (traceId === context.traceId) return undefined;
      return [
        `in trace ${shortId(context.traceId)}, that of ${text}`,
        `in trace ${shortId(traceId)}${span.parentSpanContext === undefined ? ", as its root" : ""}`,
      ];
    });
  }

  /** In any trace but that of another span. */
  notInTraceOf(other: SpanReference): this {
    const { context, text } = refer(this.all, other);
    return this.each((span) =>
      span.spanContext().traceId === context.traceId
        ? [`in another trace than ${text}`, `in the same one, ${shortId(context.traceId)}`]
        : undefined,
    );
  }

  /** Directly under another span. */
  childOf(other: SpanReference): this {
    const { context, text } = refer(this.all, other);
    return this.each(({ parentSpanContext: parent }) =>
      isSame(parent, context) ? undefined : [`a child of ${text}`, this.parentText(parent)],
    );
  }

  /** The first span of its trace: without a parent, here or in another service. */
  root(): this {
    return this.each(({ parentSpanContext: parent }) =>
      parent === undefined ? undefined : ["the root of its trace", this.parentText(parent)],
    );
  }

  /** With a link to each of these spans; there may be more. Without any: with no link at all. */
  linkedTo(...others: SpanReference[]): this {
    const referred = others.map((other) => refer(this.all, other));
    return this.each(({ links }) => {
      const linked = links.map(({ context }) => this.nameOf(context)).join(", ");
      const is = links.length === 0 ? "linked to nothing" : `linked to ${linked}`;
      if (others.length === 0) return links.length === 0 ? undefined : ["linked to nothing", is];
      const missing = referred.find(({ context }) =>
        links.every((link) => !isSame(link.context, context)),
      );
      return missing && [`linked to ${missing.text}`, is];
    });
  }

  /** With these attributes, of these very values; there may be more. */
  with(attributes: Attributes): this {
    return this.each((span) => {
      const other = Object.entries(attributes).find(
        ([name, value]) => !isDeepStrictEqual(span.attributes[name], value),
      );
      if (other === undefined) return undefined;
      const [name, value] = other;
      const text = (of: unknown): string => `with ${name} = ${JSON.stringify(of) ?? "nothing"}`;
      return [text(value), text(span.attributes[name])];
    });
  }

  /** With status ERROR; where a type is given, with this `error.type`. */
  failed(errorType?: string): this {
    return this.each((span) => {
      if (!hasFailed(span)) return ["failed", "not"];
      if (errorType === undefined || span.attributes[ERROR_TYPE] === errorType) return undefined;
      return [`failed with ${errorType}`, `failed with ${failureText(span)}`];
    });
  }

  /** With a status other than ERROR. */
  succeeded(): this {
    return this.each((span) =>
      hasFailed(span) ? ["not failed", `failed with ${failureText(span)}`] : undefined,
    );
  }

  /** `check` gives what was expected of a span and what it is instead; undefined where all is well. */
  private each(
    check: (span: CollectedSpan) => readonly [expected: string, is: string] | undefined,
  ): this {
    for (const span of this.spans) {
      const wrong = check(span);
      if (wrong === undefined) continue;
      const [expected, is] = wrong;
      fail(`Expected "${span.name}" ${expected}.\nIt is ${is}.`, this.all, [span]);
    }
    return this;
  }

  private parentText(parent: SpanContext | undefined): string {
    return parent === undefined ? "the root of its trace" : `a child of ${this.nameOf(parent)}`;
  }

  private nameOf(context: SpanContext): string {
    const found = this.all.find((span) => isSame(span.spanContext(), context));
    return found === undefined
      ? `span ${shortId(context.spanId)}, which was not collected`
      : `"${found.name}"`;
  }
}
