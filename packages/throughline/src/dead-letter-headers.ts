import type { SpanContext } from "@opentelemetry/api";
import { type HeaderPair, nameText, valueText } from "./carrier.ts";
import { parseTraceparent } from "./w3c/traceparent.ts";

/** The headers of a dead letter: UTF-8 text, numbers in decimal. One vocabulary in every language. */
export const DLQ = {
  destination: "dlq.origin.destination",
  partition: "dlq.origin.partition",
  offset: "dlq.origin.offset",
  timestamp: "dlq.origin.timestamp",
  group: "dlq.origin.group",
  errorType: "dlq.error.type",
  errorMessage: "dlq.error.message",
  attempts: "dlq.attempts",
  failed: "dlq.failed",
} as const;

const NAMES: ReadonlySet<string> = new Set(Object.values(DLQ));

/** Whether a header is one of a dead letter's own. */
export function isDeadLetterHeader(name: unknown): boolean {
  const text = nameText(name);
  return text !== undefined && NAMES.has(text);
}

/** The last value of a header by name, as text; undefined where it is absent or neither text nor bytes. */
export function headerText(headers: readonly HeaderPair[], name: string): string | undefined {
  const value = headers.findLast(([each]) => nameText(each) === name)?.[1];
  return valueText(Array.isArray(value) ? value.at(-1) : value);
}

/** Whether a header of this name makes a message a dead letter. */
export function tellsOrigin(name: unknown): boolean {
  return (typeof name === "string" ? name : nameText(name)) === DLQ.destination;
}

/**
 * The failed attempt that a message is a replay of: a dead letter, with its headers, on its way
 * back to the destination it came from. Undefined for any other message.
 */
export function failedAttemptOf(
  headers: readonly HeaderPair[],
  destination: { leadsTo(origin: string): boolean },
): SpanContext | undefined {
  if (!headers.some(([name]) => tellsOrigin(name))) return undefined;
  const origin = headerText(headers, DLQ.destination);
  if (origin === undefined || !destination.leadsTo(origin)) return undefined;
  return parseTraceparent(headerText(headers, DLQ.failed));
}
