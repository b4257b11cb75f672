import { type Batch, openBatch, openUnspanned, readBatch } from "./batch.ts";
import { chosenRelation } from "./relate.ts";
import { activeContext } from "./context.ts";
import { rememberDelivery } from "./delivered.ts";
import { fault } from "./guard.ts";
import { openForeign, openScope } from "./open.ts";
import { readDelivered } from "./read.ts";
import type { Call } from "./run.ts";
import { Scope } from "./scope.ts";
import type { Source } from "./source.ts";

/** Handles one message that a traced client's own loop has just delivered. */
export function processDelivered<Argument, Result>(
  message: object,
  source: Source,
  call: Call<Argument, Result>,
): Result {
  const scope = delivered(message, source);
  return scope === undefined ? call.bare() : scope.run(call);
}

/** The scope of a message that has just been delivered; undefined for one to be left alone. Never throws. */
export function delivered(message: object, source: Source): Scope | undefined {
  try {
    // Known though it may be left alone, so that processMessage leaves it alone too.
    rememberDelivery(message, source);
    return source.ignored ? undefined : openDelivered(message, source);
  } catch (error) {
    fault("adapter", error);
    return undefined;
  }
}

/** Takes note of a message that is handed over without a handler: known and counted, with no scope yet. */
export function deliveredUnhandled(message: object, source: Source): void {
  try {
    rememberDelivery(message, source);
    if (!source.ignored) readDelivered(message, source, activeContext());
  } catch (error) {
    fault("adapter", error);
  }
}

function openDelivered(message: object, source: Source): Scope {
  const active = activeContext();
  const extracted = readDelivered(message, source, active);
  const scope = new Scope(message, source, undefined, active);
  if (source.foreignSpans) return openForeign(scope);
  // The loop may have inherited whatever was active when it was started: that is never linked.
  return openScope(scope, extracted, chosenRelation(message, source), undefined);
}

/** Handles a batch that a traced client's own loop has just delivered, all of one source. */
export function batchDelivered<Argument, Result>(
  messages: readonly object[],
  source: Source,
  call: Call<Argument, Result>,
): Result {
  let scope: Scope | undefined;
  try {
    for (const message of messages) rememberDelivery(message, source);
    if (!source.ignored && messages.length > 0) {
      scope = openBatch(readDeliveredBatch(messages, source), source);
    }
  } catch (error) {
    fault("adapter", error);
  }
  return scope === undefined ? call.bare() : scope.run(call);
}

/**
 * Hands one delivered message to a handler that opens a span for each of its attempts: known and
 * counted here, with nothing active around the attempts that would nest them.
 */
export function deliverUnopened<Argument, Result>(
  message: object,
  source: Source,
  call: Call<Argument, Result>,
): Result {
  let scope: Scope | undefined;
  try {
    rememberDelivery(message, source);
    if (!source.ignored) scope = openUnspanned(readDeliveredBatch([message], source), source);
  } catch (error) {
    fault("adapter", error);
  }
  return scope === undefined ? call.bare() : scope.run(call);
}

function readDeliveredBatch(messages: readonly object[], source: Source): Batch {
  const sources = messages.map(() => source);
  return readBatch(messages, sources, () => true);
}
