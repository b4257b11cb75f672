import {
  type Context,
  type Link,
  type Span,
  type SpanContext,
  SpanKind,
  trace,
} from "@opentelemetry/api";
import { MAX_LINKS } from "./batch.ts";
import { type Headers, writeHeaders } from "./carrier.ts";
import { activeContext, spanContextIn } from "./context.ts";
import type { Destination } from "./destination.ts";
import { fault } from "./guard.ts";
import { fieldsOf } from "./inject.ts";
import { type Lineage, lineageOf } from "./lineage.ts";
import { BATCH_COUNT } from "./semconv.ts";
import { Sending } from "./sending.ts";
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
 * several destinations. Never throws: messages are then sent as they are.
 */
export function openSend(
  destination: Destination,
  outgoing: readonly Outgoing[],
  inCall: number,
): Sending {
  try {
    return open(destination, outgoing, inCall);
  } catch (error) {
    fault("start span", error);
    const asTheyAre = outgoing.map(() => undefined);
    return new Sending(destination, asTheyAre, undefined);
  }
}

function open(destination: Destination, outgoing: readonly Outgoing[], inCall: number): Sending {
  const active = activeContext();
  const { tracing } = destination;
  const lineages = outgoing.map(({ message, headers }) =>
    lineageOf(message, headers, destination, active),
  );
  if (!tracing.spans) {
    const headers = lineages.map((lineage) => carry(lineage, lineage.parent, destination));
    return new Sending(destination, headers, undefined);
  }
  if (inCall === 1) {
    return sendOne(destination, outgoing[0] as Outgoing, lineages[0] as Lineage);
  }
  return inCall <= MAX_CREATE_SPANS && tracing.options.createSpans !== false
    ? sendEach(destination, outgoing, lineages, active)
    : sendTogether(destination, lineages, active);
}

/** One message: the send span's context is what it carries. */
function sendOne(destination: Destination, outgoing: Outgoing, lineage: Lineage): Sending {
  const kind = lineage.untouched ? SpanKind.CLIENT : SpanKind.PRODUCER;
  const { sendName, sendAttributes } = destination;
  const span = start(destination, sendName, kind, sendAttributes, lineage.links, lineage.parent);
  if (span.isRecording()) describe(outgoing, span);
  const context = trace.setSpan(lineage.parent, span);
  return new Sending(destination, [carry(lineage, context, destination)], span);
}

/** Some messages: each carries a create span of its own, and the send span links to them. */
function sendEach(
  destination: Destination,
  outgoing: readonly Outgoing[],
  lineages: readonly Lineage[],
  active: Context,
): Sending {
  const { createName, createAttributes, sendName } = destination;
  const created: Link[] = [];
  const headers = lineages.map((lineage, at) => {
    const { links, parent } = lineage;
    if (lineage.untouched) {
      created.push(...links);
      return undefined;
    }
    const kind = SpanKind.PRODUCER;
    const span = start(destination, createName, kind, createAttributes, links, parent);
    if (span.isRecording()) describe(outgoing[at] as Outgoing, span);
    const carried = carry(lineage, trace.setSpan(parent, span), destination);
    span.end();
    created.push({ context: span.spanContext() });
    return carried;
  });
  const attributes = { ...destination.sendAttributes, [BATCH_COUNT]: lineages.length };
  const span = start(destination, sendName, SpanKind.CLIENT, attributes, created, active);
  return new Sending(destination, headers, span);
}

/** Many messages: all that bring no context from elsewhere carry the one send span's. */
function sendTogether(
  destination: Destination,
  lineages: readonly Lineage[],
  active: Context,
): Sending {
  const ambient = spanContextIn(active);
  const links = lineages.flatMap((lineage) => {
    // The active span is this one's parent: its link was for a span of the message's own.
    const others = lineage.links.filter(({ context }) => context !== ambient);
    const own = broughtBy(lineage);
    return own === undefined ? others : [...others, { context: own }];
  });
  const attributes = { ...destination.sendAttributes, [BATCH_COUNT]: lineages.length };
  const carried = lineages.some((lineage) => !lineage.untouched && broughtBy(lineage) === undefined);
  const kind = carried ? SpanKind.PRODUCER : SpanKind.CLIENT;
  const span = start(destination, destination.sendName, kind, attributes, links, active);
  const { carrying } = destination.tracing.now();
  const shared = fieldsOf(trace.setSpan(active, span), carrying);
  const headers = lineages.map((lineage) => {
    const { parent, untouched } = lineage;
    if (untouched || broughtBy(lineage) !== undefined) return carry(lineage, parent, destination);
    // Another parent than the active context brings baggage of its own.
    const fields = parent === active ? shared : fieldsOf(trace.setSpan(parent, span), carrying);
    return writeHeaders(lineage.headers, lineage.kept, fields);
  });
  return new Sending(destination, headers, span);
}

/** The span of another trace that a message continues, where it does. */
function broughtBy({ elsewhere, parent }: Lineage): SpanContext | undefined {
  return elsewhere ? spanContextIn(parent) : undefined;
}

function start(
  { tracing }: Destination,
  name: string,
  kind: SpanKind,
  attributes: Destination["sendAttributes"],
  links: readonly Link[],
  parent: Context,
): Span {
  const options = { kind, attributes };
  const { tracer } = tracing.now();
  if (links.length === 0) return tracer.startSpan(name, options, parent);
  return tracer.startSpan(name, { ...options, links: links.slice(0, MAX_LINKS) }, parent);
}

/** The headers of a message that carries `context`; undefined for a message to be left alone. */
function carry(lineage: Lineage, context: Context, { tracing }: Destination): object | undefined {
  if (lineage.untouched) return undefined;
  const fields: readonly Field[] = fieldsOf(context, tracing.now().carrying);
  return writeHeaders(lineage.headers, lineage.kept, fields);
}

function describe(outgoing: Outgoing, span: Span): void {
  try {
    outgoing.describe(span);
  } catch (error) {
    fault("attributes", error);
  }
}
