import { isOrigin, messagingRole } from "./messaging.ts";
import type { Span } from "./span.ts";

/**
 * What became of one message's trace when it was handled.
 *
 * - `connected`: the handling is a child of the span that its message came from
 * - `linked`: it is a trace of its own, with a link to that span
 * - `broken`: it is the root of a trace and linked to nothing: its message's trace ends at the broker
 * - `waiting`: it points to a span that has not arrived; it may be late, sampled out or dropped
 *
 * The first two are whole.
 */
export type Verdict = "connected" | "linked" | "broken" | "waiting";

/** Links of one span that are looked at; SDKs keep no more by themselves. */
const MOST_LINKS = 128;

/** The links of a span that may lead to its messages. */
export function originLinks(span: Span): Span["links"] {
  return span.links.length <= MOST_LINKS ? span.links : span.links.slice(0, MOST_LINKS);
}

/**
 * Judges the handling of one message by what is known so far. Undefined for any other span, and
 * for one inside another span of its own service: what happened at the broker shows there, and not
 * in here.
 */
export function judge(
  span: Span,
  find: (traceId: string, spanId: string) => Span | undefined,
): Verdict | undefined {
  if (messagingRole(span) !== "delivery") return undefined;
  const parent = span.parentSpanId && find(span.traceId, span.parentSpanId);
  if (parent && isOrigin(parent, span, true)) return "connected";

  let absent = span.parentSpanId !== undefined && !parent;
  for (const { traceId, spanId } of originLinks(span)) {
    const target = find(traceId, spanId);
    if (target === undefined) absent = true;
    else if (isOrigin(target, span, false)) return "linked";
  }
  if (absent) return "waiting";
  return parent ? undefined : "broken";
}
