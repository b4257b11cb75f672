import { destinationOf, messageKeyOf, messagingRole } from "./messaging.ts";
import type { Span } from "./span.ts";
import type { Trace } from "./trace.ts";

/** Traces that one message has left where there should be one. */
export interface Severed {
  /** Ids of the traces, the one that started first before the others. */
  readonly traceIds: readonly string[];
  /** Where the message was first sent to. */
  readonly destination: string | undefined;
  /** The message key that all of them tell; undefined where the handling stands alone. */
  readonly key: string | undefined;
}

/**
 * Looks among other traces for the rest of a message whose handling is broken: those that send or
 * handle the same key at the same destinations, dead letters included. A key is no identity: where
 * a destination was sent it more than once, or the spans do not tell it, the handling stands alone.
 */
export function severedFrom(delivery: Span, traces: readonly Trace[]): Severed {
  const key = messageKeyOf(delivery);
  const destination = destinationOf(delivery);
  const alone: Severed = { traceIds: [delivery.traceId], destination, key: undefined };
  if (key === undefined || destination === undefined) return alone;

  const tellers = traces
    .map((trace) => ({ id: trace.id, spans: spansOfKey(trace, key) }))
    .filter(({ spans }) => spans.length > 0);
  const destinations = new Set([destination]);
  const parts = new Set<(typeof tellers)[number]>();
  for (let before = -1; parts.size > before;) {
    before = parts.size;
    for (const teller of tellers) {
      const theirs = teller.spans.map((span) => destinationOf(span));
      if (!theirs.some((each) => each !== undefined && destinations.has(each))) continue;
      parts.add(teller);
      for (const each of theirs) if (each !== undefined) destinations.add(each);
    }
  }
  const spans = [...parts].flatMap((part) => part.spans).sort(byStart);
  const sent = spans.filter((span) => messagingRole(span) === "send").map(destinationOf);
  if (parts.size < 2 || new Set(sent).size < sent.length) return alone;
  const [first] = spans;
  return {
    traceIds: [...new Set(spans.map(({ traceId }) => traceId))],
    destination: (first && destinationOf(first)) ?? destination,
    key,
  };
}

function spansOfKey(trace: Trace, key: string): Span[] {
  const spans = [...trace.spans.values()];
  return spans.filter((span) => messageKeyOf(span) === key && messagingRole(span) !== undefined);
}

function byStart(a: Span, b: Span): number {
  if (a.startNs === b.startNs) return 0;
  return a.startNs < b.startNs ? -1 : 1;
}
