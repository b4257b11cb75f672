import type { Context } from "@opentelemetry/api";
import { originOf } from "./context.ts";
import { type Extracted, extract, MALFORMED } from "./extract.ts";
import { fault } from "./guard.ts";
import type { Source } from "./source.ts";

/**
 * Reads the context that one message carries, as its source and its application's options say.
 * `headers` are given where they do not stand on the message. Never throws.
 */
export function readMessage(
  message: object,
  source: Source,
  active: Context,
  headers?: unknown,
): Extracted {
  const { carrying } = source.tracing.now();
  const { duplicates = "new" } = source.tracing.options;
  try {
    const own = headers ?? source.format.headers(message);
    return extract(own, carrying, duplicates, originOf(active));
  } catch (error) {
    fault("extract", error);
    return MALFORMED;
  }
}

/** The same for a message that is counted now, as it is delivered. */
export function readDelivered(message: object, source: Source, active: Context): Extracted {
  const extracted = readMessage(message, source, active);
  source.countDelivery();
  source.countOutcome(extracted.outcome);
  return extracted;
}
