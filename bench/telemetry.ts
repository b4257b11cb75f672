import {
  context,
  type MeterProvider as Meters,
  propagation,
  type TracerProvider as Tracers,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  type ReadableSpan,
  type SpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";

/** Where one variant's spans and measurements go. */
export interface Telemetry {
  readonly tracerProvider: Tracers;
  /** Absent: meters off. */
  readonly meterProvider?: Meters;
}

/** What OpenTelemetry's own set-up registers: the stock propagators, and Node's context manager. */
export function registerStock(): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(stockPropagator());
}

/** Trace context and baggage by OpenTelemetry's own propagators. */
export function stockPropagator(): CompositePropagator {
  return new CompositePropagator({
    propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
  });
}

/** Every span records and goes to `processor`; with `on` false, the sampler turns every span down. */
export function tracers(processor: SpanProcessor, on = true): Tracers {
  const sampler = on ? new AlwaysOnSampler() : new AlwaysOffSampler();
  return new TracerProvider({ sampler, spanProcessors: [processor] });
}

/** Keeps every series, as one that is collected now and then does; the collecting is not measured. */
class HeldReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** Meters that are on. */
export function meters(): Meters {
  return new MeterProvider({ readers: [new HeldReader()] });
}

/** Counts the spans that end and keeps the last one: what a span costs without any exporting. */
export class Tally implements SpanProcessor {
  ended = 0;
  last: ReadableSpan | undefined;

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    this.ended += 1;
    this.last = span;
  }

  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}
