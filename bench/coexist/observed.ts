// What the programs here have in common: each is a process of its own, in which OpenTelemetry's
// instrumentation of a client is switched on before the client is loaded, as in an application.
import {
  context,
  diag,
  DiagLogLevel,
  SpanKind,
  trace,
  type TracerProvider,
} from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { activeTraceparent } from "../clients/sides.ts";
import { registerStock, Tally, tracers } from "../telemetry.ts";

/** A span that ended. */
export interface Ended {
  readonly name: string;
  readonly kind: string;
  /** Who made it: the tracer's name. */
  readonly by: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  /** Span ids. */
  readonly links: readonly string[];
}

/** What a program saw. */
export interface Observed {
  readonly spans: readonly Ended[];
  /** What this library warned of. */
  readonly warnings: readonly string[];
  /** By the handler's name, the active context in it as a traceparent. */
  readonly active: Readonly<Record<string, string | undefined>>;
  /** What else is to be known. */
  readonly facts: Readonly<Record<string, unknown>>;
}

class Kept extends Tally {
  readonly spans: Ended[] = [];

  override onEnd(span: ReadableSpan): void {
    super.onEnd(span);
    const { traceId, spanId } = span.spanContext();
    this.spans.push({
      name: span.name,
      kind: SpanKind[span.kind],
      by: span.instrumentationScope.name,
      traceId,
      spanId,
      parentId: span.parentSpanContext?.spanId,
      links: span.links.map((link) => link.context.spanId),
    });
  }
}

/** An instrumentation, as its package exports it. */
export interface Instrumentation {
  setTracerProvider(provider: TracerProvider): void;
  disable(): void;
}

/** Registers an SDK and switches an instrumentation on. `by` is the package, named at run time only. */
export async function observe(by: string, name: string): Promise<Observer> {
  registerStock();
  const kept = new Kept();
  const provider = tracers(kept);
  trace.setGlobalTracerProvider(provider);
  const module = (await import(by)) as Record<string, new () => Instrumentation>;
  const Instrumentation = module[name];
  if (Instrumentation === undefined) throw new Error(`${by} exports no ${name}`);
  new Instrumentation().setTracerProvider(provider);
  return new Observer(kept);
}

class Observer {
  readonly #kept: Kept;
  readonly #warnings: string[] = [];
  readonly #active: Record<string, string | undefined> = {};

  constructor(kept: Kept) {
    this.#kept = kept;
    const ignore = (): void => {};
    const warn = (text: string): void => {
      if (text.startsWith("throughline: ")) this.#warnings.push(text);
    };
    const logger = { error: warn, warn, info: ignore, debug: ignore, verbose: ignore };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  }

  /** Runs what sends within a span of a request's. */
  async request<Result>(work: () => Promise<Result>): Promise<Result> {
    const span = trace.getTracer("application").startSpan("request");
    try {
      return await context.with(trace.setSpan(context.active(), span), work);
    } finally {
      span.end();
    }
  }

  /** Takes note of what is active in a handler. */
  handling(name: string): void {
    this.#active[name] = activeTraceparent();
  }

  /** Everything so far. */
  seen(facts: Observed["facts"] = {}): Observed {
    return { spans: this.#kept.spans, warnings: this.#warnings, active: this.#active, facts };
  }
}
