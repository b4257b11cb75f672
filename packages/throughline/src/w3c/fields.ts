import { eachHeader, type Headers, nameText } from "../carrier.ts";
import { latin1, parseTraceparent } from "./traceparent.ts";
import type { SpanContext } from "@opentelemetry/api";

export const TRACEPARENT = "traceparent";
export const TRACESTATE = "tracestate";
export const BAGGAGE = "baggage";
/** The three of them. */
export const W3C_FIELDS: ReadonlySet<string> = new Set([TRACEPARENT, TRACESTATE, BAGGAGE]);

/** A header longer than this is no tracestate and no baggage that may be kept: the rest is not read. */
const READ_BYTES = 64 * 1024;

type FieldName = typeof TRACEPARENT | typeof TRACESTATE | typeof BAGGAGE;

/** Which of the three a header is, in any letter case. Lengths differ: most headers cost one comparison. */
function fieldName(name: string): FieldName | undefined {
  const { length } = name;
  const field = length === 11 ? TRACEPARENT : length === 10 ? TRACESTATE : BAGGAGE;
  if (name === field) return field;
  return length === field.length && name.toLowerCase() === field ? field : undefined;
}

/**
 * The three W3C headers of one message as they stand, each value read once. A header that is
 * repeated, in one array or under several spellings, is an array here.
 */
export class W3CFields {
  traceparent: unknown = undefined;
  tracestate: unknown = undefined;
  baggage: unknown = undefined;

  add(field: FieldName, value: unknown): void {
    this[field] = joined(this[field], value);
  }
}

function joined(before: unknown, value: unknown): unknown {
  if (before === undefined || before === null) return value;
  if (value === undefined || value === null) return before;
  return [before, value].flat();
}

/** Reads the three headers in place: no other header's value is touched. */
export function readW3C(headers: Headers): W3CFields {
  const fields = new W3CFields();
  if (headers === null || typeof headers !== "object") return fields;
  if (Array.isArray(headers) || headers instanceof Map) {
    eachHeader(headers, (name, value) => {
      const text = nameText(name);
      const field = text === undefined ? undefined : fieldName(text);
      if (field !== undefined) fields.add(field, value);
    });
    return fields;
  }
  // for-in over an engine-cached shape costs less than the array that Object.keys makes.
  for (const name in headers) {
    const field = fieldName(name);
    if (field !== undefined && Object.hasOwn(headers, name)) {
      fields.add(field, headers[name as keyof typeof headers]);
    }
  }
  return fields;
}

/** The text of a header that is a list: repeated headers are joined by a comma, as both specifications say. */
export function listText(value: unknown): string {
  if (!Array.isArray(value)) return singleText(value);
  return value
    .map(singleText)
    .filter((text) => text !== "")
    .join(",");
}

function singleText(value: unknown): string {
  if (typeof value === "string")
    return value.length > READ_BYTES ? value.slice(0, READ_BYTES) : value;
  return latin1(value, READ_BYTES) ?? "";
}

/** As many as a span keeps links; of a header repeated more often the last ones are read. */
const MAX_TRACEPARENTS = 128;

/** Every traceparent of the message, in order; undefined for each that is malformed. Empty where there is none. */
export function traceparents(value: unknown): readonly (SpanContext | undefined)[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return [parseTraceparent(value)];
  return value
    .filter((single) => single !== undefined && single !== null)
    .slice(-MAX_TRACEPARENTS)
    .map((single) => parseTraceparent(single));
}
