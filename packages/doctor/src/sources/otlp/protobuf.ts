import type { AttributeValue, Resource, Scope } from "../../engine/span.ts";
import { Collected, type Decoded, MalformedBody, resourceOf } from "./decoded.ts";
import { readAttribute } from "./protobuf-value.ts";
import { readSpan } from "./protobuf-span.ts";
import { length, Wire } from "./wire.ts";

// ExportTraceServiceRequest and opentelemetry.proto.trace.v1
const RESOURCE_SPANS = length(1);
const RESOURCE = length(1);
const SCOPE_SPANS = length(2);
const RESOURCE_ATTRIBUTE = length(1);
const SCOPE = length(1);
const SPAN = length(2);
const SCOPE_NAME = length(1);
const SCOPE_VERSION = length(2);

/**
 * The spans of an ExportTraceServiceRequest in protobuf. Fields that are not known are passed over.
 *
 * @throws MalformedBody where the bytes are no such message.
 */
export function decodeProtobuf(body: Buffer): Decoded {
  const wire = new Wire(body);
  const collected = new Collected();
  const end = body.length;
  try {
    for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
      if (tag === RESOURCE_SPANS) readResourceSpans(wire, end, collected);
      else wire.skip(tag);
    }
  } catch (error) {
    throw new MalformedBody(
      `the body is no ExportTraceServiceRequest: ${(error as Error).message}`,
    );
  }
  return collected;
}

/** A message's fields may come in any order: where the resource stands is looked up first. */
function readResourceSpans(wire: Wire, outer: number, collected: Collected): void {
  const end = wire.message(outer);
  const start = wire.at;
  const attributes = new Map<string, AttributeValue>();
  for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
    if (tag === RESOURCE) readResource(wire, end, attributes);
    else wire.skip(tag);
  }
  const resource = resourceOf(attributes);
  wire.goTo(start);
  for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
    if (tag === SCOPE_SPANS) readScopeSpans(wire, end, resource, collected);
    else wire.skip(tag);
  }
}

function readResource(wire: Wire, outer: number, attributes: Map<string, AttributeValue>): void {
  const end = wire.message(outer);
  for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
    if (tag === RESOURCE_ATTRIBUTE) readAttribute(wire, end, attributes);
    else wire.skip(tag);
  }
}

function readScopeSpans(wire: Wire, outer: number, resource: Resource, collected: Collected): void {
  const end = wire.message(outer);
  const start = wire.at;
  let scope: Scope = { name: "", version: "" };
  for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
    if (tag === SCOPE) scope = readScope(wire, end);
    else wire.skip(tag);
  }
  wire.goTo(start);
  for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
    if (tag === SPAN) collected.add(readSpan(wire, end, resource, scope));
    else wire.skip(tag);
  }
}

function readScope(wire: Wire, outer: number): Scope {
  const end = wire.message(outer);
  let name = "";
  let version = "";
  for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
    if (tag === SCOPE_NAME) name = wire.text(end);
    else if (tag === SCOPE_VERSION) version = wire.text(end);
    else wire.skip(tag);
  }
  return { name, version };
}
