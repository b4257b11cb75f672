import type { Context } from "@opentelemetry/api";
import {
  eachHeader,
  type HeaderPair,
  type Headers,
  nameText,
  type PlainHeaders,
  writeHeaders,
} from "./carrier.ts";
import { tellsOrigin } from "./dead-letter-headers.ts";
import { fault } from "./guard.ts";
import { injectWith } from "./propagator.ts";
import { type Carrying, initialBit, lengthBit } from "./registered.ts";
import { type Field, w3cFields } from "./w3c.ts";

/** A message's headers, those of the propagator apart from the rest; each was read once. */
export interface SplitHeaders {
  readonly kept: readonly HeaderPair[];
  /** In any letter case: all of them are replaced as one set. */
  readonly own: readonly HeaderPair[];
}

const NO_HEADERS: SplitHeaders = { kept: [], own: [] };

/** Takes the propagator's headers out of a message's. The headers themselves are not written to. */
export function splitHeaders(headers: Headers, carrying: Carrying): SplitHeaders {
  if (headers === undefined || headers === null) return NO_HEADERS;
  const kept: HeaderPair[] = [];
  let own: HeaderPair[] | undefined;
  eachHeader(headers, (name, value) => {
    const text = typeof name === "string" ? name : nameText(name);
    if (text !== undefined && isOwn(text, carrying)) (own ??= []).push([name, value]);
    else kept.push([name, value]);
  });
  return { kept, own: own ?? NO_HEADERS.own };
}

/**
 * Whether headers hold nothing but the application's own: none of the propagator's, and none that
 * tells of a dead letter. Told by their names alone: no value is read.
 */
export function isUntold(headers: PlainHeaders, carrying: Carrying): boolean {
  for (const name in headers) {
    if (!isOwn(name, carrying) && !tellsOrigin(name)) continue;
    if (Object.hasOwn(headers, name)) return false;
  }
  return true;
}

/** Whether a header is one of the propagator's. Its length and its first letter tell most others apart. */
function isOwn(name: string, { fields, lengths, initials }: Carrying): boolean {
  if ((lengths & lengthBit(name)) === 0 || (initials & initialBit(name)) === 0) return false;
  return fields.has(name) || fields.has(name.toLowerCase());
}

/** The trace headers to send for a context; none where the propagator fails. */
export function fieldsOf(context: Context, carrying: Carrying): readonly Field[] {
  try {
    if (carrying.propagator !== undefined) return injectWith(context, carrying);
    if (carrying.fields.size === 0) return [];
    return w3cFields(context, carrying.baggage);
  } catch (error) {
    fault("inject", error);
    return [];
  }
}

/** New headers in the shape of `headers`, with a context in place of whatever they carried. */
export function injectInto(headers: Headers, context: Context, carrying: Carrying): object {
  return writeHeaders(headers, splitHeaders(headers, carrying).kept, fieldsOf(context, carrying));
}
