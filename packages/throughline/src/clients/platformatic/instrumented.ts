import { channel } from "node:diagnostics_channel";
import { warnOnce } from "../../guard.ts";

/**
 * Whether @platformatic/kafka-opentelemetry is on: nothing else makes this channel. Its spans and
 * metrics of sends are then left to it, and that is said once. It has no process spans unless its
 * own function is called, so processing stays ours.
 */
export function isInstrumented(): boolean {
  const instrumented = channel("tracing:plt:kafka:consumer:processes:start").hasSubscribers;
  if (instrumented) {
    warnOnce(
      "platformatic instrumented",
      "@platformatic/kafka-opentelemetry is active: the spans and metrics of sends are left to it. Its messages carry no context where their headers are a Map. Disable it to have them traced here.",
    );
  }
  return instrumented;
}
