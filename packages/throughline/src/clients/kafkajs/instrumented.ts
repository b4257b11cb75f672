import { warnOnce } from "../../guard.ts";

/**
 * Whether OpenTelemetry's own instrumentation has wrapped a method of this client: it marks what
 * it wraps. Its spans and metrics are then left to it, and that is said once.
 */
export function isInstrumented(method: unknown): boolean {
  const marks = method as { __wrapped?: unknown; __original?: unknown } | undefined;
  const instrumented = marks?.__wrapped === true && typeof marks.__original === "function";
  if (instrumented) {
    warnOnce(
      "kafkajs instrumented",
      "@opentelemetry/instrumentation-kafkajs is active on this client: its send and process spans and its metrics are left to it, and only the scope of each record in a batch is ours. Disable one of the two to have the same spans everywhere.",
    );
  }
  return instrumented;
}
