import type { Context } from "@opentelemetry/api";
import { fail } from "./fail.ts";
import { SpanExpectation } from "./expectation.ts";
import { choiceText, choose, type SpanChoice } from "./reference.ts";
import { type CollectedSpan, isBatch, isProcess } from "./span.ts";
import { treeOf } from "./tree.ts";

/**
 * The spans that an application makes, kept in memory, and what can be expected of them. It is a
 * span processor for the SDKs of both lines, 2.x and 3.x.
 */
export interface SpanCollector {
  /** Called by the SDK. */
  onStart(span: CollectedSpan, parentContext?: Context): void;
  /** Called by the SDK. */
  onEnd(span: CollectedSpan): void;
  /** Called by the SDK; does nothing. */
  forceFlush(): Promise<void>;
  /** Called by the SDK; does nothing: the spans can still be looked at. */
  shutdown(): Promise<void>;

  /** Every span that has started, in that order. Spans that a sampler dropped are not among them. */
  all(): CollectedSpan[];
  /** Those of this name, or of this pattern or choice; none is no error. */
  named(choice: SpanChoice): CollectedSpan[];
  /** Those that have not ended yet. */
  open(): CollectedSpan[];
  /** All spans as text, a tree for each trace. */
  tree(): string;
  /** Forgets what was collected. */
  clear(): void;
  /**
   * Resolves when every span that has started has ended; at once where none is open.
   *
   * @param timeoutMs default 5,000.
   * @throws AssertionError when they have not by then.
   */
  ended(timeoutMs?: number): Promise<void>;

  /** Exactly one span is meant. @throws AssertionError where it is none, or several. */
  expectSpan(choice: SpanChoice): SpanExpectation;
  /**
   * Several spans are meant, and what follows is expected of each.
   *
   * @param count how many; default: at least one.
   * @throws AssertionError where there are not that many.
   */
  expectSpans(choice: SpanChoice, count?: number): SpanExpectation;
  /** @throws AssertionError where the spans belong to more than one trace, or there are none. */
  expectOneTrace(): void;
  /**
   * That no message's trace broke: a span which processes a message has a parent or a link. The
   * span of a batch is excepted: it is a root by rule.
   *
   * @throws AssertionError
   */
  expectNoOrphans(): void;
  /** @throws AssertionError where a span was started and never ended. */
  expectAllEnded(): void;
}

/**
 * Collects the spans of a test. Give it to the SDK's tracer provider as a span processor.
 *
 * @example
 * ```ts
 * import assert from "node:assert";
 * import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
 * import { collectSpans } from "throughline/testing";
 *
 * const spans = collectSpans();
 * const tracer = new BasicTracerProvider({ spanProcessors: [spans] }).getTracer("payments");
 *
 * tracer.startSpan("charge card").end();
 * tracer.startSpan("ship order").end();
 *
 * spans.expectSpan("charge card").root().succeeded();
 * spans.expectAllEnded();
 * assert.throws(() => spans.expectSpan("ship order").inTraceOf("charge card"), /that of "charge card"/);
 * ```
 */
export function collectSpans(): SpanCollector {
  let spans: CollectedSpan[] = [];
  let waiting: (() => void)[] = [];
  const open = (): CollectedSpan[] => spans.filter((span) => !span.ended);

  return {
    onStart: (span) => void spans.push(span),
    onEnd() {
      if (waiting.length === 0 || open().length > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    forceFlush: async () => {},
    shutdown: async () => {},

    all: () => [...spans],
    named: (choice) => choose(spans, choice),
    open,
    tree: () => treeOf(spans),
    clear() {
      spans = [];
    },
    async ended(timeoutMs = 5000) {
      if (open().length === 0) return;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          try {
            fail(`Expected all spans ended within ${timeoutMs} ms.`, spans, open());
          } catch (error) {
            reject(error);
          }
        }, timeoutMs);
        waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    },

    expectSpan(choice) {
      const found = choose(spans, choice);
      if (found.length !== 1) expected("one span", choice, found, spans);
      return new SpanExpectation(found, spans);
    },
    expectSpans(choice, count) {
      const found = choose(spans, choice);
      if (count === undefined ? found.length === 0 : found.length !== count) {
        expected(count === undefined ? "spans" : `${count} spans`, choice, found, spans);
      }
      return new SpanExpectation(found, spans);
    },
    expectOneTrace() {
      const traces = new Set(spans.map((span) => span.spanContext().traceId));
      if (traces.size === 0) fail("Expected one trace.", spans);
      if (traces.size > 1) fail(`Expected one trace, there are ${traces.size}.`, spans);
    },
    expectNoOrphans() {
      const orphans = spans.filter(
        (span) =>
          isProcess(span) &&
          !isBatch(span) &&
          span.parentSpanContext === undefined &&
          span.links.length === 0,
      );
      if (orphans.length === 0) return;
      const why = "Its message carried no context, or that was not read";
      fail(
        `Expected no orphans. "${orphans[0]?.name}" has no parent and no link. ${why}.`,
        spans,
        orphans,
      );
    },
    expectAllEnded() {
      const left = open();
      if (left.length > 0) fail(`Expected all spans ended, ${left.length} did not.`, spans, left);
    },
  };
}

function expected(
  what: string,
  choice: SpanChoice,
  found: readonly CollectedSpan[],
  spans: readonly CollectedSpan[],
): never {
  fail(`Expected ${what} ${choiceText(choice)}, found ${found.length || "none"}.`, spans, found);
}
