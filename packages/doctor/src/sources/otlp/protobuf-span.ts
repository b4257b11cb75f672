import {
  type AttributeValue,
  type Resource,
  type Scope,
  type Span,
  SPAN_KINDS,
  type SpanLink,
  STATUS_CODES,
  type StatusCode,
} from "../../engine/span.ts";
import { isId, parentOf } from "./decoded.ts";
import { MAX_LINKS } from "./limits.ts";
import { readAttribute } from "./protobuf-value.ts";
import { fixed32, fixed64, length, varint, type Wire } from "./wire.ts";

// opentelemetry.proto.trace.v1.Span; events (11) are passed over.
const TRACE_ID = length(1);
const SPAN_ID = length(2);
const TRACE_STATE = length(3);
const PARENT_SPAN_ID = length(4);
const NAME = length(5);
const KIND = varint(6);
const START = fixed64(7);
const END = fixed64(8);
const ATTRIBUTE = length(9);
const DROPPED_ATTRIBUTES = varint(10);
const LINK = length(13);
const DROPPED_LINKS = varint(14);
const STATUS = length(15);
const FLAGS = fixed32(16);
// Span.Link
const LINK_ATTRIBUTE = length(4);
// Status
const STATUS_MESSAGE = length(2);
const STATUS_CODE = varint(3);

const NO_LINKS: readonly SpanLink[] = [];

/** Reads one Span of a ScopeSpans. Its ids are not checked here. */
export function readSpan(wire: Wire, outer: number, resource: Resource, scope: Scope): Span {
  const end = wire.message(outer);
  const encodedBytes = end - wire.at;
  const attributes = new Map<string, AttributeValue>();
  let links: SpanLink[] | undefined;
  let status: Status = UNSET;
  let traceId = "";
  let spanId = "";
  let parentSpanId = "";
  let traceState = "";
  let name = "";
  let kind = 0;
  let startNs = 0n;
  let endNs = 0n;
  let flags = 0;
  let dropped = 0;
  for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
    switch (tag) {
      case TRACE_ID:
        traceId = wire.id(end);
        break;
      case SPAN_ID:
        spanId = wire.id(end);
        break;
      case TRACE_STATE:
        traceState = wire.text(end);
        break;
      case PARENT_SPAN_ID:
        parentSpanId = wire.id(end);
        break;
      case NAME:
        name = wire.text(end);
        break;
      case KIND:
        kind = wire.uint32();
        break;
      case START:
        startNs = wire.time();
        break;
      case END:
        endNs = wire.time();
        break;
      case ATTRIBUTE:
        dropped += readAttribute(wire, end, attributes);
        break;
      case DROPPED_ATTRIBUTES:
      case DROPPED_LINKS:
        dropped += wire.uint32();
        break;
      case LINK:
        dropped += readLink(wire, end, (links ??= []));
        break;
      case STATUS:
        status = readStatus(wire, end);
        break;
      case FLAGS:
        flags = wire.fixed32();
        break;
      default:
        wire.skip(tag);
    }
  }
  return {
    traceId,
    spanId,
    parentSpanId: parentOf(parentSpanId),
    traceState,
    name,
    kind: SPAN_KINDS[kind] ?? "unspecified",
    startNs,
    endNs,
    flags,
    attributes,
    links: links ?? NO_LINKS,
    status: status.code,
    statusMessage: status.message,
    resource,
    scope,
    encodedBytes,
    dropped,
  };
}

/** Reads one Span.Link; gives how many were left out, 0 or 1. One without valid ids is no link. */
function readLink(wire: Wire, outer: number, links: SpanLink[]): number {
  const end = wire.message(outer);
  if (links.length >= MAX_LINKS) {
    wire.goTo(end);
    return 1;
  }
  let traceId = "";
  let spanId = "";
  const attributes = new Map<string, AttributeValue>();
  for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
    if (tag === TRACE_ID) traceId = wire.id(end);
    else if (tag === SPAN_ID) spanId = wire.id(end);
    else if (tag === LINK_ATTRIBUTE) readAttribute(wire, end, attributes);
    else wire.skip(tag);
  }
  if (!isId(traceId, 32) || !isId(spanId, 16)) return 1;
  links.push({ traceId, spanId, attributes });
  return 0;
}

interface Status {
  readonly code: StatusCode;
  readonly message: string;
}

const UNSET: Status = { code: "unset", message: "" };

function readStatus(wire: Wire, outer: number): Status {
  const end = wire.message(outer);
  let code = 0;
  let message = "";
  for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
    if (tag === STATUS_MESSAGE) message = wire.text(end);
    else if (tag === STATUS_CODE) code = wire.uint32();
    else wire.skip(tag);
  }
  return { code: STATUS_CODES[code] ?? "unset", message };
}
