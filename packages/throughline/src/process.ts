import { type Context, type SpanContext, TraceFlags } from "@opentelemetry/api";
import { type Batch, openBatch, readBatch } from "./batch.ts";
import type { Headers } from "./carrier.ts";
import { chosenRelation } from "./relate.ts";
import { activeContext, scopeIn, spanContextIn, valid } from "./context.ts";
import { deliveryOf, rememberDelivery } from "./delivered.ts";
import type { Extracted } from "./extract.ts";
import { fault } from "./guard.ts";
import { openScope } from "./open.ts";
import { headersTold } from "./message.ts";
import { readDelivered, readMessage } from "./read.ts";
import type { Call } from "./run.ts";
import { Scope } from "./scope.ts";
import { MESSAGE_ID } from "./semconv.ts";
import { type Source, sharedSource } from "./source.ts";

/** What the application says of messages that no traced client delivered. */
export interface Told {
  /** Asked only where nothing is known of a message. */
  readonly source: (message: object) => Source;
  /** The headers, where they do not stand on the message. */
  readonly headers?: Headers;
  /** The message's id, where the application told it. */
  readonly messageId?: string | undefined;
  /** Opens a span though the message is the active one: another attempt beside the first. */
  readonly again?: boolean;
}

/**
 * Handles one message that the application holds: inside a batch, or outside any client's loop.
 * The message that is already active gets no second scope.
 */
export function processHeld<Argument, Result>(
  message: object,
  told: Told,
  call: Call<Argument, Result>,
): Result {
  let scope: Scope | undefined;
  try {
    scope = openHeld(message, told);
  } catch (error) {
    fault("adapter", error);
  }
  return scope === undefined ? call.bare() : scope.run(call);
}

function openHeld(message: object, told: Told): Scope | undefined {
  const active = activeContext();
  const ambient = scopeIn(active);
  if (ambient?.message === message) {
    return told.again === true ? openAgain(ambient, active) : undefined;
  }
  const at = ambient?.batch?.find(message) ?? -1;
  if (ambient?.batch !== undefined && at >= 0) return openInBatch(ambient.batch, at, active, told);
  const known = deliveryOf(message);
  const source = ownSource(known ?? told.source(message), message, told);
  if (source.ignored) return undefined;
  if (known !== source) rememberDelivery(message, source);
  const read = known === undefined ? readDelivered : readMessage;
  const extracted = read(message, source, active);
  const scope = new Scope(message, source, undefined, active);
  const linked = otherTrace(spanContextIn(active), extracted.parent);
  openScope(scope, extracted, chosenRelation(message, source), linked);
  if (told.messageId !== undefined) nameMessage(scope, told.messageId);
  return scope;
}

function nameMessage({ span }: Scope, messageId: string): void {
  try {
    span?.setAttribute(MESSAGE_ID, messageId);
  } catch (error) {
    fault("attributes", error);
  }
}

/** Where a message came from, with the headers that are told beside it: its own from now on. */
function ownSource(source: Source, message: object, { headers }: Told): Source {
  const own = headersTold(message, headers);
  return own === undefined || own === null ? source : source.withHeaders(own);
}

/** Handles messages together that the application holds together. */
export function batchHeld<Argument, Result>(
  messages: readonly object[],
  told: Told,
  call: Call<Argument, Result>,
): Result {
  let scope: Scope | undefined;
  try {
    scope = openHeldBatch(messages, told);
  } catch (error) {
    fault("adapter", error);
  }
  return scope === undefined ? call.bare() : scope.run(call);
}

function openHeldBatch(messages: readonly object[], told: Told): Scope | undefined {
  const known = messages.map((message) => deliveryOf(message));
  // Headers that are told as such are one message's; a function tells each message's own.
  const each = typeof told.headers === "function" ? told : { ...told, headers: undefined };
  const sources = messages.map((message, at) =>
    ownSource(known[at] ?? told.source(message), message, each),
  );
  const [first] = sources;
  if (first === undefined || sources.every(({ ignored }) => ignored)) return undefined;
  messages.forEach((message, at) => rememberDelivery(message, sources[at] as Source));
  const batch = readBatch(messages, sources, (at) => known[at] === undefined);
  return openBatch(batch, sharedSource(first, sources));
}

function openInBatch(batch: Batch, at: number, active: Context, told: Told): Scope | undefined {
  const message = batch.messages[at] as object;
  const known = batch.sources[at] as Source;
  if (known.ignored) return undefined;
  batch.hadSingles = true;
  const source = ownSource(known, message, told);
  if (source !== known) {
    rememberDelivery(message, source);
    batch.readAgain(at, source, active);
  }
  const extracted = batch.extracted[at] as Extracted;
  const scope = new Scope(message, source, batch, active);
  const span = valid(batch.span?.spanContext());
  const sampled = span !== undefined && (span.traceFlags & TraceFlags.SAMPLED) !== 0;
  return openScope(scope, extracted, chosenRelation(message, source), sampled ? span : undefined);
}

/** One more attempt at the message that is active: under its creation context, beside the attempt before. */
function openAgain(ambient: Scope, active: Context): Scope {
  const { message, source, batch } = ambient;
  const extracted = readMessage(message as object, source, active);
  const scope = new Scope(message, source, batch, active);
  return openScope(scope, extracted, chosenRelation(message as object, source), undefined);
}

function otherTrace(
  ambient: SpanContext | undefined,
  parent: SpanContext | undefined,
): SpanContext | undefined {
  return ambient === undefined || ambient.traceId === parent?.traceId ? undefined : ambient;
}
