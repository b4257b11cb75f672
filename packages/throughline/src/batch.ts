import { type Context, type Link, type Span, SpanKind, trace } from "@opentelemetry/api";
import { activeContext, MessageContext, originOf } from "./context.ts";
import type { Extracted } from "./extract.ts";
import { fault, started } from "./guard.ts";
import { readDelivered, readMessage } from "./read.ts";
import { openForeign } from "./open.ts";
import { Scope } from "./scope.ts";
import { BATCH_COUNT, LINKS_DROPPED } from "./semconv.ts";
import type { Source } from "./source.ts";

/** An SDK's span keeps this many links, the last ones; more would push the first out. */
export const MAX_LINKS = 128;

/** The messages of one batch, each with what it carries: read once, when the batch is handed over. */
export class Batch {
  readonly messages: readonly object[];
  readonly sources: Source[];
  readonly extracted: Extracted[];
  /** Some message was processed by itself: the batch as a whole is not measured beside it. */
  hadSingles = false;
  /** The batch's own span, once it is started. */
  span: Span | undefined;
  private next = 0;
  private places: Map<object, number> | undefined;

  constructor(messages: readonly object[], sources: Source[], extracted: Extracted[]) {
    this.messages = messages;
    this.sources = sources;
    this.extracted = extracted;
  }

  /** Where a message stands in the batch; -1 for one of another. In order, which is the rule, costs a comparison. */
  find(message: object): number {
    if (this.messages[this.next] === message) return this.next++;
    this.places ??= new Map(this.messages.map((each, at) => [each, at]));
    const at = this.places.get(message) ?? -1;
    if (at >= 0) this.next = at + 1;
    return at;
  }

  /** A message's headers were told after the batch had been read. */
  readAgain(at: number, source: Source, active: Context): void {
    this.sources[at] = source;
    this.extracted[at] = readMessage(this.messages[at] as object, source, active);
  }
}

/**
 * Reads the contexts of a batch's messages. `deliver` says which of them are delivered, and so
 * counted, only now.
 */
export function readBatch(
  messages: readonly object[],
  sources: Source[],
  deliver: (at: number) => boolean,
): Batch {
  const active = activeContext();
  const extracted = messages.map((message, at) => {
    const read = deliver(at) ? readDelivered : readMessage;
    return read(message, sources[at] as Source, active);
  });
  return new Batch(messages, sources, extracted);
}

/** The scope of messages that are each handled in a span of their own, with none around them. */
export function openUnspanned(batch: Batch, source: Source): Scope {
  const active = activeContext();
  const scope = new Scope(undefined, source, batch, active);
  if (source.foreignSpans) {
    batch.span = trace.getSpan(active);
    return openForeign(scope);
  }
  const origin = originOf(active);
  scope.context = new MessageContext(origin, origin, undefined, undefined, scope, undefined);
  return scope;
}

/**
 * The scope of a batch as a whole, with a span of its own: a root, for its messages belong to many
 * traces, linked to each of them. No message's baggage is active here.
 */
export function openBatch(batch: Batch, source: Source): Scope {
  const scope = openUnspanned(batch, source);
  if (source.foreignSpans || !source.tracing.spans) return scope;
  try {
    const { links, dropped } = linksOf(batch);
    const attributes = { ...source.spanAttributes, [BATCH_COUNT]: batch.messages.length };
    const options = { kind: SpanKind.CONSUMER, attributes, links, root: true };
    const { context } = scope;
    const { tracer } = source.tracing.now();
    const span = started(tracer.startSpan(source.spanName, options, context));
    batch.span = span;
    scope.span = span;
    scope.context = trace.setSpan(context, span);
    if (dropped > 0) span.setAttribute(LINKS_DROPPED, dropped);
  } catch (error) {
    fault("start span", error);
  }
  return scope;
}

function linksOf(batch: Batch): { links: Link[]; dropped: number } {
  const links: Link[] = [];
  let dropped = 0;
  for (const { parent, several } of batch.extracted) {
    const contexts = parent === undefined ? (several ?? []) : [parent];
    for (const context of contexts) {
      if (links.length < MAX_LINKS) links.push({ context });
      else dropped += 1;
    }
  }
  return { links, dropped };
}
