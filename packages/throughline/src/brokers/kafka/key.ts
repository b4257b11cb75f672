import type { Span } from "@opentelemetry/api";
import { KAFKA_KEY } from "../../semconv.ts";

/** Longer keys are cut: an attribute is no place for a payload. */
const MAX_KEY_CHARACTERS = 256;

/** Puts a record's key on a span, as text; a key that is neither text nor a Buffer is left out. */
export function describeKey(span: Span, key: unknown): void {
  if (typeof key === "string") span.setAttribute(KAFKA_KEY, key.slice(0, MAX_KEY_CHARACTERS));
  else if (Buffer.isBuffer(key)) {
    span.setAttribute(KAFKA_KEY, key.toString("utf8", 0, MAX_KEY_CHARACTERS));
  }
}
