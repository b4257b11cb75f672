import {
  type AttributeValue,
  type Resource,
  type Scope,
  type Span,
  SPAN_KINDS,
  type SpanLink,
  STATUS_CODES,
} from "../../engine/span.ts";
import { isId, MalformedBody, parentOf } from "./decoded.ts";
import {
  choiceOf,
  fieldsOf,
  type Fields,
  integerOf,
  listOf,
  numberOf,
  textOf,
} from "./json-field.ts";
import { readAttributes } from "./json-value.ts";
import { weighSpan } from "./json-weight.ts";
import { MAX_LINKS } from "./limits.ts";

/** Reads one element of `spans`. Its ids are not checked here, but for being hex. */
export function readSpan(value: unknown, resource: Resource, scope: Scope): Span {
  const fields = fieldsOf(value, "a span");
  const attributes = new Map<string, AttributeValue>();
  const links: SpanLink[] = [];
  const leftOut = readAttributes(fields, attributes) + readLinks(fields, links);
  const status = fieldsOf(fields["status"] ?? {}, "status");
  const name = textOf(fields, "name");
  const traceState = textOf(fields, "traceState");
  const statusMessage = textOf(status, "message");
  return {
    traceId: idOf(fields, "traceId"),
    spanId: idOf(fields, "spanId"),
    parentSpanId: parentOf(idOf(fields, "parentSpanId")),
    traceState,
    name,
    kind: choiceOf(fields, "kind", SPAN_KINDS, "SPAN_KIND_"),
    startNs: integerOf(fields, "startTimeUnixNano"),
    endNs: integerOf(fields, "endTimeUnixNano"),
    flags: numberOf(fields, "flags"),
    attributes,
    links,
    status: choiceOf(status, "code", STATUS_CODES, "STATUS_CODE_"),
    statusMessage,
    resource,
    scope,
    encodedBytes: weighSpan([name, traceState, statusMessage], attributes, links),
    dropped:
      leftOut + numberOf(fields, "droppedAttributesCount") + numberOf(fields, "droppedLinksCount"),
  };
}

/** Gives how many were left out: for want of room, or because their ids are none. */
function readLinks(fields: Fields, links: SpanLink[]): number {
  const told = listOf(fields, "links");
  for (const link of told.slice(0, MAX_LINKS)) {
    const each = fieldsOf(link, "a link");
    const attributes = new Map<string, AttributeValue>();
    readAttributes(each, attributes);
    const traceId = idOf(each, "traceId");
    const spanId = idOf(each, "spanId");
    if (isId(traceId, 32) && isId(spanId, 16)) links.push({ traceId, spanId, attributes });
  }
  return told.length - links.length;
}

function idOf(fields: Fields, name: string): string {
  const id = textOf(fields, name).toLowerCase();
  if (/^[0-9a-f]{0,32}$/.test(id)) return id;
  throw new MalformedBody(`${name} is no id in hex`);
}
