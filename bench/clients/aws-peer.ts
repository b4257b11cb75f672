import type { TracerProvider } from "@opentelemetry/api";

interface Instrumentation {
  setTracerProvider(provider: TracerProvider): void;
  patchV3SmithyClient(exports: object): object;
}

// Named at run time only: the workspace's types are checked without what the bench installs.
const PEER: string = "@opentelemetry/instrumentation-aws-sdk";
const { AwsInstrumentation } = (await import(PEER)) as {
  AwsInstrumentation: new (config: { enabled: boolean }) => Instrumentation;
};

/**
 * A subclass of an AWS client that OpenTelemetry's instrumentation has patched as it patches the
 * class below all of them when an application loads it; the class given stays as it is.
 */
export function instrumentedClass<Class extends new (config: never) => object>(
  Client: Class,
  tracerProvider: TracerProvider,
): Class {
  const Plain = Client as unknown as new (config: unknown) => object;
  class Patched extends Plain {}
  const instrumentation = new AwsInstrumentation({ enabled: false });
  instrumentation.setTracerProvider(tracerProvider);
  instrumentation.patchV3SmithyClient({ Client: Patched });
  return Patched as unknown as Class;
}
