import { type Context, context, ROOT_CONTEXT } from "@opentelemetry/api";
import { discard, fault, warnOnce } from "./guard.ts";
import type { Now } from "./tracing.ts";

/**
 * Says once what the application's OpenTelemetry lacks, where spans are recorded and their traces
 * end at the broker all the same. Asked once a registration, at the first span that records.
 */
export function tellWhatLacks(now: Now, scoped: Context): void {
  now.lookedAt = true;
  if (now.carrying.fields.size === 0) {
    warnOnce(
      "no propagator",
      "no propagator is registered: no context is read from messages or written to them, and each process span is a root. Call the SDK's register(), or propagation.setGlobalPropagator(w3cPropagator()).",
    );
  }
  if (!isActivated(scoped)) {
    warnOnce(
      "no context manager",
      "no context manager is registered: nothing is active in a handler, and the spans that it starts are roots. Call the SDK's register(), or context.setGlobalContextManager().",
    );
  }
}

/** What stands for no context manager makes nothing active, and says that the root context is. */
function isActivated(scoped: Context): boolean {
  try {
    const active: unknown = context.with(scoped, () => context.active());
    discard("activate", active);
    return active !== ROOT_CONTEXT;
  } catch (error) {
    fault("activate", error);
    return true;
  }
}
