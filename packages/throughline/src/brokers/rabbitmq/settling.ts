import { type Context, trace } from "@opentelemetry/api";
import { activeContext, originOf, scopeIn, spanContextIn } from "../../context.ts";
import { deliveryOf } from "../../delivered.ts";
import { failureOf } from "../../failure.ts";
import { fault } from "../../guard.ts";
import { type Held, refuse, type Refusal } from "../../held.ts";
import { readMessage } from "../../read.ts";
import { settle } from "../../settle.ts";
import type { Source } from "../../source.ts";
import type { Tracing } from "../../tracing.ts";
import { SYSTEM_NAME } from "./destination.ts";

/** What a call settles. */
export interface Settled {
  /** What the client calls it: ack, nack, reject. */
  readonly operation: string;
  /** The message, where the call names it. */
  readonly message: object | undefined;
  /** The delivery tag; 0 with `upTo` for all that are outstanding. */
  readonly tag: number | undefined;
  /** Every message up to that one as well. */
  readonly upTo: boolean;
  readonly refusal: Refusal | undefined;
}

/**
 * Makes a settlement of the application's in a span of its own, and ends the handling of whatever
 * waited for it. The client comes first: a message that it does not settle is not settled.
 */
export function settleMessages(
  settled: Settled,
  held: Held,
  tracing: Tracing,
  call: () => unknown,
): unknown {
  const source = sourceOf(settled, held);
  if (source?.ignored === true) return call();
  const result = settleSpanned(settled, source, held, tracing, call);
  took(settled, held);
  return result;
}

function sourceOf({ message, tag, upTo }: Settled, held: Held): Source | undefined {
  if (upTo) return undefined;
  const scope = tag === undefined ? undefined : held.scopeOf(tag);
  return scope?.source ?? (message === undefined ? undefined : deliveryOf(message));
}

function settleSpanned(
  settled: Settled,
  source: Source | undefined,
  held: Held,
  tracing: Tracing,
  call: () => unknown,
): unknown {
  if (source?.foreignSpans === true) return call();
  const context = aboveOf(settled, source, held);
  if (context === undefined) return call();
  const destination = source?.origin.destination;
  const settlement = { system: SYSTEM_NAME, destination, group: undefined, context };
  return settle(settled.operation, tracing, settlement, call);
}

/**
 * What a settlement belongs to: the message's handling, what is active, or else the message's own
 * trace. A settlement that belongs to nothing has no span: it would be a trace of its own.
 */
function aboveOf(
  { message, tag }: Settled,
  source: Source | undefined,
  held: Held,
): Context | undefined {
  try {
    const scope = tag === undefined ? undefined : held.scopeOf(tag);
    if (scope !== undefined) return scope.context;
    const active = activeContext();
    if (spanContextIn(active) !== undefined) return active;
    if (message === undefined || source === undefined) return undefined;
    const own = failureOf(message)?.attempt ?? readMessage(message, source, active).parent;
    return own && trace.setSpanContext(originOf(active), own);
  } catch (error) {
    fault("adapter", error);
    return undefined;
  }
}

function took({ message, tag, upTo, refusal }: Settled, held: Held): void {
  try {
    // Whichever attempt is at it may have a scope of its own.
    const active = scopeIn(activeContext());
    if (refusal !== undefined && active !== undefined && active.message === message) {
      refuse(active, refusal);
    }
    if (tag !== undefined) held.settle(tag, upTo, refusal);
  } catch (error) {
    fault("adapter", error);
  }
}
