import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

/** Spans are sent so often, for a live view; a service of yours would keep the default of 5 s. */
const SEND_EVERY_MS = 250;
/** After so long a service ends, whatever is still under way. */
const MOST_STOP_MS = 3000;

/**
 * Starts one service's own OpenTelemetry SDK: nothing in it knows Throughline. Where spans go is
 * OTEL_EXPORTER_OTLP_ENDPOINT.
 *
 * @param service the service's name.
 * @param stop called on Ctrl-C and SIGTERM, before the last spans are sent.
 */
export function startTelemetry(service: string, stop: () => Promise<unknown>): void {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    spanProcessors: [
      new BatchSpanProcessor(new OTLPTraceExporter(), { scheduledDelayMillis: SEND_EVERY_MS }),
    ],
  });
  provider.register({
    contextManager: new AsyncLocalStorageContextManager().enable(),
    propagator: new CompositePropagator({
      propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
    }),
  });
  let stopping = false;
  const end = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    // Where Kafka has gone, kafkajs goes on trying for long.
    setTimeout(() => process.exit(1), MOST_STOP_MS);
    await Promise.allSettled([stop()]);
    await Promise.allSettled([provider.shutdown()]);
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "disconnect"] as const) {
    process.once(signal, () => void end());
  }
}
