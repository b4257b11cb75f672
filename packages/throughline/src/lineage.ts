import {
  type Baggage,
  type Context,
  type Link,
  propagation,
  type SpanContext,
  trace,
} from "@opentelemetry/api";
import { type HeaderPair, type Headers, isPlain } from "./carrier.ts";
import { Above } from "./above.ts";
import { MessageContext, originOf } from "./context.ts";
import { failedAttemptOf } from "./dead-letter-headers.ts";
import type { Destination } from "./destination.ts";
import { type Extracted, extract, NOTHING } from "./extract.ts";
import { isUntold, splitHeaders } from "./inject.ts";
import { letterParent } from "./letters.ts";
import { linkedMessages } from "./links.ts";
import { deliveryOf } from "./delivered.ts";
import { readMessage } from "./read.ts";
import type { Carrying } from "./registered.ts";
import type { Tracing } from "./tracing.ts";

/** What a message about to be sent continues, and what stays of its headers. */
export interface Lineage {
  /** All headers but the propagator's; undefined where there is none of these, and all are kept. */
  readonly kept: readonly HeaderPair[] | undefined;
  /** The message is sent as it is: its header is its own, or headers are off. */
  readonly untouched: boolean;
  /** The message brought a context, which stays where there is nothing to put in its place. */
  readonly carries: boolean;
  /** The context under which the message's span starts; undefined for what is active. */
  readonly parent: Above | undefined;
  /** The parent is what the message itself brought, not what is active. */
  readonly elsewhere: boolean;
  readonly links: readonly Link[];
}

/** What a message continues that brings nothing of its own. */
const ordinary = (untouched: boolean): Lineage => ({
  kept: undefined,
  untouched,
  carries: false,
  parent: undefined,
  elsewhere: false,
  links: [],
});
const ORDINARY = ordinary(false);
const UNTOUCHED = ordinary(true);

/**
 * Decides what a message to be sent belongs to. What it carries in the active trace gives way to
 * the active span; what it carries of another trace is its parent, and the active span a link. A
 * dead letter continues the attempt that failed, whatever is active; a replay of one to where it
 * came from starts a new trace that links to that attempt.
 */
export function lineageOf(
  message: object,
  headers: Headers,
  destination: Destination,
  active: Above,
): Lineage {
  const { tracing } = destination;
  const { carrying } = active.now;
  const untouched = tracing.options.inject === false;
  const letter = letterParent(message);
  const from = linkedMessages(message);
  if (letter === undefined && from.length === 0 && bringsNothing(headers, carrying)) {
    return untouched ? UNTOUCHED : ORDINARY;
  }
  const { kept, own } = splitHeaders(headers, carrying);
  const failed = letter === undefined ? failedAttemptOf(kept, destination) : undefined;
  const links = from.flatMap((each) => linkTo(each, tracing, active.context));
  const carried = own.length === 0 ? NOTHING : readOwn(own, tracing, active.context);
  const carries = failed === undefined && carried.parent !== undefined;
  const base = { kept, untouched, carries, links };
  const ambient = active.spanContext;
  const under = (parent: SpanContext | undefined): Above =>
    new Above(withSpan(active.context, parent, carried), active.now);

  if (failed !== undefined) {
    links.push({ context: failed });
    if (ambient !== undefined) links.push({ context: ambient });
    return { ...base, parent: under(undefined), elsewhere: true };
  }
  const brought = carried.parent === undefined ? (carried.several ?? []) : [carried.parent];
  if (tracing.options.carried === "keep" && letter === undefined && brought.length > 0) {
    for (const context of brought) links.push({ context });
    return { ...base, untouched: true, parent: undefined, elsewhere: false };
  }
  const continued = letter ?? carried.parent;
  if (continued === undefined || (letter === undefined && continued.traceId === ambient?.traceId)) {
    for (const context of carried.several ?? []) links.push({ context });
    // Baggage set by hand on a message without a traceparent is not stale: it stays.
    const baggage = carried.outcome === "missing" ? carried.baggage : undefined;
    return { ...base, parent: withBaggage(active, baggage), elsewhere: false };
  }
  if (ambient !== undefined && ambient.traceId !== continued.traceId) {
    links.push({ context: ambient });
  }
  return { ...base, parent: under(continued), elsewhere: true };
}

/** Whether a message is like most: nothing on it says what it belongs to. */
function bringsNothing(headers: Headers, carrying: Carrying): boolean {
  if (headers === undefined || headers === null) return true;
  return isPlain(headers) && isUntold(headers, carrying);
}

function readOwn(own: readonly HeaderPair[], tracing: Tracing, active: Context): Extracted {
  const { duplicates = "new" } = tracing.options;
  return extract(own, tracing.now().carrying, duplicates, originOf(active));
}

/**
 * What the message carried, with another span in place of its own; the active baggage wins over
 * the carried.
 */
function withSpan(active: Context, parent: SpanContext | undefined, carried: Extracted): Context {
  const origin = originOf(active);
  const span = parent && trace.wrapSpanContext(parent);
  const baggage = propagation.getBaggage(active) ?? carried.baggage;
  return new MessageContext(carried.behind ?? origin, origin, span, baggage, undefined, parent);
}

function withBaggage({ context, now }: Above, baggage: Baggage | undefined): Above | undefined {
  if (baggage === undefined || propagation.getBaggage(context) !== undefined) return undefined;
  return new Above(propagation.setBaggage(context, baggage), now);
}

function linkTo(from: object, tracing: Tracing, active: Context): Link[] {
  const source = deliveryOf(from);
  const read =
    source === undefined
      ? extract((from as { headers?: unknown }).headers, tracing.now().carrying, "last", active)
      : readMessage(from, source, active);
  const contexts = read.parent === undefined ? (read.several ?? []) : [read.parent];
  return contexts.map((context) => ({ context }));
}
