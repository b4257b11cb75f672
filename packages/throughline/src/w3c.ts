import {
  type Context,
  propagation,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from "@opentelemetry/api";
import { REMOTE, valid } from "./context.ts";
import { fault } from "./guard.ts";
import { formatBaggage, parseBaggage } from "./w3c/baggage.ts";
import { BAGGAGE, listText, TRACEPARENT, traceparents, TRACESTATE } from "./w3c/fields.ts";
import { formatTraceparent, withTraceState } from "./w3c/traceparent.ts";
import { formatTraceState, parseTraceState } from "./w3c/tracestate.ts";

/** One trace header to send. */
export type Field = readonly [name: string, text: string];

export const NO_FIELDS: readonly Field[] = [];

/** Level 2's flag: the trace id was made at random. */
export const RANDOM = 0x02;

/** The W3C headers of a context: none for the trace where it has no valid span, none for baggage where it is empty. */
export function w3cFields(context: Context, withBaggage: boolean): readonly Field[] {
  const spanContext = valid(trace.getSpanContext(context));
  const traced = spanContext === undefined ? NO_FIELDS : traceFields(spanContext, context);
  return withBaggage ? [...traced, ...baggageFields(context)] : traced;
}

/** traceparent and tracestate of a valid span that is, or is started, in a context. */
export function traceFields(spanContext: SpanContext, context: Context): readonly Field[] {
  // An SDK's span forgets the random flag of its remote parent; within that trace it still holds.
  const remote = context.getValue(REMOTE) as SpanContext | undefined;
  const random =
    remote !== undefined &&
    (remote.traceFlags & RANDOM) !== 0 &&
    remote.traceId === spanContext.traceId;
  const traceparent: Field = [TRACEPARENT, formatTraceparent(spanContext, random)];
  if (spanContext.traceState === undefined) return [traceparent];
  const state = formatTraceState(spanContext.traceState);
  return state === "" ? [traceparent] : [traceparent, [TRACESTATE, state]];
}

/** The baggage of a context as a header; none where it is empty. */
export function baggageFields(context: Context): readonly Field[] {
  const baggage = propagation.getBaggage(context);
  const text = baggage === undefined ? undefined : formatBaggage(baggage);
  return text === undefined ? NO_FIELDS : [[BAGGAGE, text]];
}

/** A remote parent with its trace state, from the text of a tracestate header. */
export function withState(spanContext: SpanContext, tracestate: unknown): SpanContext {
  if (tracestate === undefined || tracestate === null) return spanContext;
  const state = parseTraceState(listText(tracestate));
  return state === undefined ? spanContext : withTraceState(spanContext, state);
}

/**
 * W3C Trace Context (Level 2) and Baggage, strictly: see {@link w3cPropagator}.
 *
 * A header that stands several times with different trace ids starts a new trace, as the W3C asks;
 * several with the same trace id count as one, the last.
 */
export class W3CPropagator implements TextMapPropagator {
  fields(): string[] {
    return [TRACEPARENT, TRACESTATE, BAGGAGE];
  }

  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    for (const [name, text] of w3cFields(context, true)) setter.set(carrier, name, text);
  }

  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    let extracted = context;
    try {
      const found = traceparents(getter.get(carrier, TRACEPARENT));
      const last = found.at(-1);
      const oneTrace = found.every((other) => other?.traceId === last?.traceId);
      if (last !== undefined && oneTrace) {
        const remote = withState(last, getter.get(carrier, TRACESTATE));
        extracted = trace.setSpanContext(extracted, remote);
        if ((remote.traceFlags & RANDOM) !== 0) extracted = extracted.setValue(REMOTE, remote);
      }
      const baggage = parseBaggage(listText(getter.get(carrier, BAGGAGE)));
      if (baggage !== undefined) extracted = propagation.setBaggage(extracted, baggage);
    } catch (error) {
      fault("extract", error);
    }
    return extracted;
  }
}

/**
 * The W3C propagator of this library, for use as the application's global one: traceparent and
 * tracestate by Trace Context Level 2, baggage by the Baggage specification. It keeps the random
 * flag, checks tracestate against its grammar, and never throws on what comes in.
 *
 * @example
 * ```ts
 * import { propagation, ROOT_CONTEXT, trace, defaultTextMapGetter } from "@opentelemetry/api";
 * import { w3cPropagator } from "throughline";
 * import assert from "node:assert";
 *
 * propagation.setGlobalPropagator(w3cPropagator());
 * const carrier = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" };
 * const context = propagation.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);
 * assert.equal(trace.getSpanContext(context)?.spanId, "00f067aa0ba902b7");
 * ```
 */
export function w3cPropagator(): TextMapPropagator {
  return new W3CPropagator();
}
