import type { MeterProvider, TracerProvider } from "@opentelemetry/api";
import type { Telemetry } from "./telemetry.ts";

/** As much of an OpenTelemetry instrumentation as it takes to run it on a module of our own. */
interface Instrumentation {
  setTracerProvider(provider: TracerProvider): void;
  setMeterProvider(provider: MeterProvider): void;
  getModuleDefinitions(): { patch?: (moduleExports: object) => unknown }[];
}

// Named at run time only: the bench installs its peers itself, and the workspace's types are
// checked without them.
const KAFKAJS_INSTRUMENTATION: string = "@opentelemetry/instrumentation-kafkajs";

const { KafkaJsInstrumentation } = (await import(KAFKAJS_INSTRUMENTATION)) as {
  KafkaJsInstrumentation: new (config: { enabled: boolean }) => Instrumentation;
};

/**
 * A subclass of a kafkajs `Kafka` that OpenTelemetry's own instrumentation has patched as it
 * patches the module when an application loads it; the class given stays as it is. Of its work
 * only the reading of the cluster's id is missing, which saves it an attribute.
 */
export function instrumented<Config, Made extends object>(
  Kafka: new (config: Config) => Made,
  { tracerProvider, meterProvider }: Telemetry,
): new (config: Config) => Made {
  const Plain = Kafka as new (config: unknown) => object;
  class Patched extends Plain {}
  const instrumentation = new KafkaJsInstrumentation({ enabled: false });
  instrumentation.setTracerProvider(tracerProvider);
  if (meterProvider !== undefined) instrumentation.setMeterProvider(meterProvider);
  for (const { patch } of instrumentation.getModuleDefinitions()) patch?.({ Kafka: Patched });
  return Patched as new (config: Config) => Made;
}
