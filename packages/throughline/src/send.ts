import {
  type Link,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  trace,
  TraceFlags,
} from "@opentelemetry/api";
import { Above } from "./above.ts";
import { MAX_LINKS } from "./batch.ts";
import { addHeaders, type Headers, type PlainHeaders, writeHeaders } from "./carrier.ts";
import { activeContext } from "./context.ts";
import type { Destination } from "./destination.ts";
import { fault, started } from "./guard.ts";
import { tellWhatLacks } from "./lacking.ts";
import { type Lineage, lineageOf } from "./lineage.ts";
import { BATCH_COUNT } from "./semconv.ts";
import { endSpan, Sending } from "./sending.ts";
import type { Field } from "./w3c.ts";

/** One message about to be sent, as its client's adapter read it: each part once. */
export interface Outgoing {
  /** The application's own object; not written to. */
  readonly message: object;
  readonly headers: Headers;
  /** Puts what differs from message to message on a span that records. */
  describe(span: Span): void;
}

/**
 * A call with more messages than this gets one span for all: thousands of spans in one tick
 * overflow an SDK's export queue, which then drops them.
 */
const MAX_CREATE_SPANS = 128;

/**
 * Opens the send of some messages to one destination: spans as the convention says, and new
 * headers for each message. `inCall` counts the messages of the whole call, which may go to
 * several destinations. Never throws: where no span can be made, each message carries the context
 * that it continues; where that fails too, it is sent as it is.
 */
export function openSend(
  destination: Destination,
  outgoing: readonly Outgoing[],
  inCall: number,
): Sending {
  const { tracing } = destination;
  try {
    const active = new Above(activeContext(), tracing.now());
    if (tracing.spans) {
      try {
        return open(destination, outgoing, inCall, active);
      } catch (error) {
        fault("start span", error);
      }
    }
    return sendUnspanned(destination, outgoing, active);
  } catch (error) {
    fault("inject", error);
    const asTheyAre = outgoing.map(() => undefined);
    return new Sending(destination, asTheyAre, undefined);
  }
}

function open(
  destination: Destination,
  outgoing: readonly Outgoing[],
  inCall: number,
  active: Above,
): Sending {
  const { tracing } = destination;
  if (inCall === 1) return sendOne(destination, outgoing[0] as Outgoing, active);
  const lineages = outgoing.map(({ message, headers }) =>
    lineageOf(message, headers, destination, active),
  );
  return inCall <= MAX_CREATE_SPANS && tracing.options.createSpans !== false
    ? sendEach(destination, outgoing, lineages, active)
    : sendTogether(destination, outgoing, lineages, active);
}

/** Without spans: each message carries the context that it continues. */
function sendUnspanned(
  destination: Destination,
  outgoing: readonly Outgoing[],
  active: Above,
): Sending {
  let shared: readonly Field[] | undefined;
  const headers = outgoing.map((each) => {
    const lineage = lineageOf(each.message, each.headers, destination, active);
    const { parent } = lineage;
    const fields = parent === undefined ? (shared ??= active.fields()) : parent.fields();
    return carry(each, lineage, fields);
  });
  return new Sending(destination, headers, undefined);
}

/** One message: the send span's context is what it carries. */
function sendOne(destination: Destination, outgoing: Outgoing, active: Above): Sending {
  const { sendName, sendOptions } = destination;
  const lineage = lineageOf(outgoing.message, outgoing.headers, destination, active);
  const { links, parent = active, untouched } = lineage;
  const options = untouched ? { ...sendOptions, kind: SpanKind.CLIENT } : sendOptions;
  const span = start(sendName, options, links, parent);
  if (span.isRecording()) describe(outgoing, span);
  return new Sending(destination, [carry(outgoing, lineage, parent.fieldsWith(span))], span);
}

/** Some messages: each carries a create span of its own, and the send span links to them. */
function sendEach(
  destination: Destination,
  outgoing: readonly Outgoing[],
  lineages: readonly Lineage[],
  active: Above,
): Sending {
  const { createName, createOptions } = destination;
  const created: Link[] = [];
  let turnedDown: readonly Field[] | undefined;
  const headers = outgoing.map((each, at) => {
    const lineage = lineages[at] as Lineage;
    const { links, parent = active } = lineage;
    if (lineage.untouched) {
      created.push(...links);
      return undefined;
    }
    const isAlike = parent === active && links.length === 0;
    if (isAlike && turnedDown !== undefined) return carry(each, lineage, turnedDown);
    const span = start(createName, createOptions, links, parent);
    const recording = span.isRecording();
    if (recording) describe(each, span);
    const fields = parent.fieldsWith(span);
    endSpan(span);
    const context = span.spanContext();
    created.push({ context });
    // What turned down one span of a trace would turn down each like it: they are not asked for.
    const sampled = (context.traceFlags & TraceFlags.SAMPLED) !== 0;
    if (isAlike && !recording && !sampled && context.traceId === active.spanContext?.traceId) {
      turnedDown = fields;
    }
    return carry(each, lineage, fields);
  });
  const span = startForAll(destination, SpanKind.CLIENT, lineages.length, created, active);
  return new Sending(destination, headers, span);
}

/** Many messages: all that bring no context from elsewhere carry the one send span's. */
function sendTogether(
  destination: Destination,
  outgoing: readonly Outgoing[],
  lineages: readonly Lineage[],
  active: Above,
): Sending {
  const links = lineages.flatMap((lineage) => {
    // The active span is this one's parent: its link was for a span of the message's own.
    const others = lineage.links.filter(({ context }) => context !== active.spanContext);
    const own = broughtBy(lineage);
    return own === undefined ? others : [...others, { context: own }];
  });
  const carried = lineages.some(
    (lineage) => !lineage.untouched && broughtBy(lineage) === undefined,
  );
  const kind = carried ? SpanKind.PRODUCER : SpanKind.CLIENT;
  const span = startForAll(destination, kind, lineages.length, links, active);
  const shared = active.fieldsWith(span);
  const headers = outgoing.map((each, at) => {
    const lineage = lineages[at] as Lineage;
    const { parent } = lineage;
    if (parent === undefined) return carry(each, lineage, shared);
    // Another parent than the active context brings baggage of its own.
    const own = broughtBy(lineage) !== undefined;
    return carry(each, lineage, own ? parent.fields() : parent.fieldsWith(span));
  });
  return new Sending(destination, headers, span);
}

/** The span of another trace that a message continues, where it does. */
function broughtBy({ elsewhere, parent }: Lineage): SpanContext | undefined {
  return elsewhere ? parent?.spanContext : undefined;
}

/** The one send span of several messages. */
function startForAll(
  destination: Destination,
  kind: SpanKind,
  count: number,
  links: readonly Link[],
  active: Above,
): Span {
  const attributes = { ...destination.sendOptions.attributes, [BATCH_COUNT]: count };
  return start(destination.sendName, { kind, attributes }, links, active);
}

function start(
  name: string,
  options: SpanOptions,
  links: readonly Link[],
  { context, now }: Above,
): Span {
  const given = links.length === 0 ? options : { ...options, links: links.slice(0, MAX_LINKS) };
  const span = started(now.tracer.startSpan(name, given, context));
  if (!now.lookedAt && span.isRecording()) tellWhatLacks(now, trace.setSpan(context, span));
  return span;
}

/** The headers of a message with these trace headers; undefined for a message to be left alone. */
function carry(
  { headers }: Outgoing,
  { kept, untouched, carries }: Lineage,
  fields: readonly Field[],
): object | undefined {
  if (untouched || (carries && fields.length === 0)) return undefined;
  return kept === undefined
    ? addHeaders(headers as PlainHeaders | undefined, fields)
    : writeHeaders(headers, kept, fields);
}

function describe(outgoing: Outgoing, span: Span): void {
  try {
    outgoing.describe(span);
  } catch (error) {
    fault("attributes", error);
  }
}
