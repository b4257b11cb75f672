import {
  type Baggage,
  type Context,
  propagation,
  type SpanContext,
  trace,
} from "@opentelemetry/api";
import type { Headers } from "./carrier.ts";
import { spanContextIn } from "./context.ts";
import { extractWith } from "./propagator.ts";
import type { Carrying } from "./registered.ts";
import { parseBaggage } from "./w3c/baggage.ts";
import { listText, readW3C, traceparents, type W3CFields } from "./w3c/fields.ts";
import { parseTraceparent } from "./w3c/traceparent.ts";
import { withState } from "./w3c.ts";

/** What became of a message's context; the values of the metric `throughline.context`. */
export const OUTCOMES = ["extracted", "missing", "malformed", "duplicate", "unread"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/**
 * What to do with several traceparents of different traces: a new trace with a link to each (the
 * W3C's rule), or the last or the first of them as the parent.
 */
export type Duplicates = "new" | "last" | "first";

/** One message's context as it was read off its headers. */
export interface Extracted {
  readonly outcome: Outcome;
  /** The creation context; undefined where there is none that counts. */
  readonly parent: SpanContext | undefined;
  readonly baggage: Baggage | undefined;
  /** Several traces claimed the message: none is its parent, each is linked. */
  readonly several: readonly SpanContext[] | undefined;
  /** Whatever else the application's own propagator put into the context. */
  readonly behind: Context | undefined;
}

export const NOTHING: Extracted = Object.freeze({
  outcome: "missing",
  parent: undefined,
  baggage: undefined,
  several: undefined,
  behind: undefined,
});

/** No propagator is registered: nobody knows what the message carries. */
const UNREAD: Extracted = Object.freeze({ ...NOTHING, outcome: "unread" });

export const MALFORMED: Extracted = Object.freeze({ ...NOTHING, outcome: "malformed" });

/**
 * Reads a message's context from its headers: by our own code, or by the application's propagator
 * on top of `origin`. Malformed or missing context is an outcome; what throws is
 * the application's propagator, or an accessor among the headers.
 */
export function extract(
  headers: Headers,
  carrying: Carrying,
  duplicates: Duplicates,
  origin: Context,
): Extracted {
  if (carrying.propagator !== undefined) {
    return extractForeign(headers, carrying, duplicates, origin);
  }
  if (carrying.fields.size === 0) return UNREAD;
  return fromFields(readW3C(headers), carrying.baggage, duplicates);
}

/** The context that a message's W3C headers carry. */
function fromFields(fields: W3CFields, withBaggage: boolean, duplicates: Duplicates): Extracted {
  const baggage =
    withBaggage && fields.baggage !== undefined
      ? parseBaggage(listText(fields.baggage))
      : undefined;
  const value = fields.traceparent;
  if (value === undefined || value === null) {
    return baggage === undefined ? NOTHING : { ...NOTHING, baggage };
  }
  if (Array.isArray(value)) {
    const chosen = chooseOne(traceparents(value), duplicates);
    const parent = chosen.parent && withState(chosen.parent, fields.tracestate);
    return { ...chosen, parent, baggage, behind: undefined };
  }
  const parsed = parseTraceparent(value);
  return {
    outcome: parsed === undefined ? "malformed" : "extracted",
    parent: parsed && withState(parsed, fields.tracestate),
    baggage,
    several: undefined,
    behind: undefined,
  };
}

/** The duplicate rule, one for every propagator: `found` holds each reading, undefined for a malformed one. */
function chooseOne(
  found: readonly (SpanContext | undefined)[],
  duplicates: Duplicates,
): Pick<Extracted, "outcome" | "parent" | "several"> {
  const readable = found.filter((one) => one !== undefined);
  const last = readable.at(-1);
  if (last === undefined) {
    return {
      outcome: found.length === 0 ? "missing" : "malformed",
      parent: undefined,
      several: undefined,
    };
  }
  const outcome = found.length > 1 ? "duplicate" : "extracted";
  if (duplicates === "first") return { outcome, parent: readable[0], several: undefined };
  const oneTrace = readable.every((one) => one.traceId === last.traceId);
  if (oneTrace || duplicates === "last") return { outcome, parent: last, several: undefined };
  return { outcome, parent: undefined, several: readable };
}

/** The same by the application's propagator: run once a reading where a header of its is repeated. */
function extractForeign(
  headers: Headers,
  carrying: Carrying,
  duplicates: Duplicates,
  origin: Context,
): Extracted {
  // A propagator leaves what is in the context where it finds no header: nothing ambient may be there.
  const clean = propagation.deleteBaggage(trace.deleteSpan(origin));
  const { present, contexts } = extractWith(headers, carrying, clean);
  const found = contexts.map((context) => spanContextIn(context));
  const chosen = chooseOne(present || found.some(Boolean) ? found : [], duplicates);
  const at = chosen.parent === undefined ? -1 : found.lastIndexOf(chosen.parent);
  const behind = contexts.at(at) ?? clean;
  return { ...chosen, baggage: propagation.getBaggage(behind), behind };
}
