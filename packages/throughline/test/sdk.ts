// The one place where the tests meet an OpenTelemetry SDK. Both lines are in use: 2.x has
// BasicTracerProvider in sdk-trace-base, 3.x has TracerProvider in sdk-trace. The tests run over
// whichever is installed, so nothing else in here may import an SDK's provider.
import { context, metrics, propagation, trace } from "@opentelemetry/api";
import type { Attributes, SpanContext, TextMapPropagator } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import type { ReadableSpan, Sampler, SpanProcessor } from "@opentelemetry/sdk-trace-base";

const sdk = await import("@opentelemetry/sdk-trace-base").catch(
  () => import("@opentelemetry/sdk-trace"),
);
const Provider = "BasicTracerProvider" in sdk ? sdk.BasicTracerProvider : sdk.TracerProvider;

/** A finished span, as both lines show it. */
export type FinishedSpan = Omit<ReadableSpan, "instrumentationScope" | "resource">;

/** The samplers by their names in OTEL_TRACES_SAMPLER, or one of the test's own. */
export type SamplerChoice =
  | "always_on"
  | "always_off"
  | "parentbased_always_on"
  | "parentbased_always_off"
  | Sampler;

export interface TracingOptions {
  /** Default: "always_on". */
  sampler?: SamplerChoice;
  /** Further processors, called after the one that collects. */
  processors?: SpanProcessor[];
  /** The global propagator. Default: W3C trace context and baggage; null registers none. */
  propagator?: TextMapPropagator | null;
  /** Default: true, an AsyncLocalStorage context manager. */
  contextManager?: boolean;
}

export interface CollectedMetric {
  name: string;
  unit: string;
  /** A histogram's value is { count, sum, min, max, buckets }. */
  points: { attributes: Attributes; value: unknown }[];
}

export interface Tracing {
  /** The spans that have ended, in the order of their end. */
  spans(): FinishedSpan[];
  /** The contexts of spans that have started and not ended. */
  open(): SpanContext[];
  /** Forgets the spans that were collected; what is open stays open. */
  reset(): void;
  /** Everything the meters have recorded so far, by the instrument's name. */
  metrics(): Promise<Map<string, CollectedMetric>>;
  /** Shuts the SDK down and takes it out of the api's globals. */
  shutdown(): Promise<void>;
  tracerProvider: InstanceType<typeof Provider>;
  meterProvider: MeterProvider;
}

/**
 * Registers an SDK that collects in memory as the api's globals. One at a time: shut it down before
 * the next.
 */
export function tracing(options: TracingOptions = {}): Tracing {
  const collector = collectingProcessor();
  const tracerProvider = new Provider({
    sampler: samplerOf(options.sampler ?? "always_on"),
    spanProcessors: [collector.processor, ...(options.processors ?? [])],
  });
  const reader = new ManualReader();
  const meterProvider = new MeterProvider({ readers: [reader] });
  const propagator =
    options.propagator === undefined
      ? new CompositePropagator({
          propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
        })
      : options.propagator;
  if (options.contextManager !== false) {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  }
  if (propagator !== null) propagation.setGlobalPropagator(propagator);
  trace.setGlobalTracerProvider(tracerProvider);
  metrics.setGlobalMeterProvider(meterProvider);

  return {
    spans: collector.spans,
    open: collector.open,
    reset: collector.reset,
    metrics: async () => {
      const collected = new Map<string, CollectedMetric>();
      const { resourceMetrics } = await reader.collect();
      for (const metric of resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)) {
        collected.set(metric.descriptor.name, {
          name: metric.descriptor.name,
          unit: metric.descriptor.unit,
          points: metric.dataPoints.map(({ attributes, value }) => ({ attributes, value })),
        });
      }
      return collected;
    },
    shutdown: async () => {
      trace.disable();
      metrics.disable();
      propagation.disable();
      context.disable();
      await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()]);
    },
    tracerProvider,
    meterProvider,
  };
}

/** The lines' own SimpleSpanProcessor takes different arguments, and exports asynchronously. */
function collectingProcessor() {
  let finished: FinishedSpan[] = [];
  const started = new Map<string, SpanContext>();
  const processor: SpanProcessor = {
    onStart: (span) => void started.set(span.spanContext().spanId, span.spanContext()),
    onEnd: (span) => {
      started.delete(span.spanContext().spanId);
      finished.push(span);
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  return {
    processor,
    spans: () => [...finished],
    open: () => [...started.values()],
    reset: () => {
      finished = [];
    },
  };
}

function samplerOf(choice: SamplerChoice): Sampler {
  switch (choice) {
    case "always_on":
      return new sdk.AlwaysOnSampler();
    case "always_off":
      return new sdk.AlwaysOffSampler();
    case "parentbased_always_on":
      return new sdk.ParentBasedSampler({ root: new sdk.AlwaysOnSampler() });
    case "parentbased_always_off":
      return new sdk.ParentBasedSampler({ root: new sdk.AlwaysOffSampler() });
    default:
      return choice;
  }
}

class ManualReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}
