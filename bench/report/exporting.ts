import {
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace";
import type { Spans } from "../results.ts";

/** How long a collector on the same machine takes to answer. */
const ANSWER_MS = 5;

/**
 * Answers as a collector does, later: a processor's queue can then be full, and what does not fit
 * is dropped. One that answers at once never drops.
 */
class AnsweringLater implements SpanExporter {
  exported = 0;

  export(spans: ReadableSpan[], answer: Parameters<SpanExporter["export"]>[1]): void {
    setTimeout(() => {
      this.exported += spans.length;
      answer({ code: 0 });
    }, ANSWER_MS);
  }

  async shutdown(): Promise<void> {}
}

/** OpenTelemetry's batch processor at its defaults, and what became of the spans. */
export class Exporting implements SpanProcessor {
  private ended = 0;
  private readonly exporter = new AnsweringLater();
  private readonly batches = new BatchSpanProcessor({ exporter: this.exporter });

  get spans(): Spans {
    return { exported: this.exporter.exported, ended: this.ended };
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    this.ended += 1;
    this.batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.batches.shutdown();
  }
}
