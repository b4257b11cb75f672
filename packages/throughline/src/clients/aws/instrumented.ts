import { warnOnce } from "../../guard.ts";

/**
 * Whether OpenTelemetry's own instrumentation has wrapped a method of this client: it marks what
 * it wraps. Sends are then left to it, and that is said once.
 */
export function isInstrumented(method: unknown): boolean {
  const marks = method as { __wrapped?: unknown; __original?: unknown } | undefined;
  const instrumented = marks?.__wrapped === true && typeof marks.__original === "function";
  if (instrumented) {
    warnOnce(
      "aws-sdk instrumented",
      "@opentelemetry/instrumentation-aws-sdk is active on this client: its send, receive and settle spans are left to it, and only the scope of each received message is ours. Disable one of the two to have the same spans everywhere.",
    );
  }
  return instrumented;
}
