import { warnOnce } from "../../guard.ts";

/**
 * Whether OpenTelemetry's own instrumentation has wrapped this channel: it marks what it wraps. Its
 * spans and metrics are then left to it, and that is said once.
 */
export function isInstrumented(channel: object): boolean {
  const { publish } = channel as { publish?: { __wrapped?: unknown; __original?: unknown } };
  const instrumented = publish?.__wrapped === true && typeof publish.__original === "function";
  if (instrumented) {
    warnOnce(
      "amqplib instrumented",
      "@opentelemetry/instrumentation-amqplib is active on this client: its publish and process spans are left to it, and only processMessage's scopes are ours. Disable one of the two to have the same spans everywhere.",
    );
  }
  return instrumented;
}
