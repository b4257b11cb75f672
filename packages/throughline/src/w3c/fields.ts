import { eachHeader, type Headers, nameText } from "../carrier.ts";
import { latin1, parseTraceparent } from "./traceparent.ts";
import type { SpanContext } from "@opentelemetry/api";

export const TRACEPARENT = "traceparent";
export const TRACESTATE = "tracestate";
export const BAGGAGE = "baggage";

/** A header longer than this is no tracestate and no baggage that may be kept: the rest is not read. */
const READ_BYTES = 64 * 1024;

/**
 * The three W3C headers of one message as they stand: names in any letter case, each value read
 * once. A header that is repeated, in one array or under several spellings, is an array here.
 */
export class W3CFields {
  traceparent: unknown = undefined;
  tracestate: unknown = undefined;
  baggage: unknown = undefined;

  /** Keeps the value when `name` is one of the three; tells whether it was. */
  take(name: string, value: unknown): boolean {
    // Lengths differ, so that most headers cost one comparison of a number.
    switch (name.length) {
      case 11:
        if (name !== TRACEPARENT && name.toLowerCase() !== TRACEPARENT) return false;
        this.traceparent = joined(this.traceparent, value);
        return true;
      case 10:
        if (name !== TRACESTATE && name.toLowerCase() !== TRACESTATE) return false;
        this.tracestate = joined(this.tracestate, value);
        return true;
      case 7:
        if (name !== BAGGAGE && name.toLowerCase() !== BAGGAGE) return false;
        this.baggage = joined(this.baggage, value);
        return true;
      default:
        return false;
    }
  }
}

function joined(before: unknown, value: unknown): unknown {
  if (before === undefined || before === null) return value;
  if (value === undefined || value === null) return before;
  return [before, value].flat();
}

function isW3CLength(length: number): boolean {
  return length === 11 || length === 10 || length === 7;
}

/** Reads the three headers in place: no other header's value is touched. */
export function readW3C(headers: Headers): W3CFields {
  const fields = new W3CFields();
  if (headers === null || typeof headers !== "object") return fields;
  if (Array.isArray(headers) || headers instanceof Map) {
    eachHeader(headers, (name, value) => {
      const text = nameText(name);
      if (text !== undefined) fields.take(text, value);
    });
    return fields;
  }
  // for-in over an engine-cached shape costs less than the array that Object.keys makes.
  for (const name in headers) {
    if (isW3CLength(name.length) && Object.hasOwn(headers, name)) takeOwn(fields, headers, name);
  }
  return fields;
}

function takeOwn(fields: W3CFields, headers: object, name: string): void {
  const lower = name.toLowerCase();
  if (lower !== TRACEPARENT && lower !== TRACESTATE && lower !== BAGGAGE) return;
  fields.take(name, headers[name as keyof typeof headers]);
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
  if (typeof value === "string") return value.length > READ_BYTES ? "" : value;
  return latin1(value, READ_BYTES) ?? "";
}

/** Every traceparent of the message, in order; undefined for each that is malformed. Empty where there is none. */
export function traceparents(value: unknown): readonly (SpanContext | undefined)[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return [parseTraceparent(value)];
  return value
    .filter((single) => single !== undefined && single !== null)
    .map((single) => parseTraceparent(single));
}
