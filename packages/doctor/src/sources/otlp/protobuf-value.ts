import type { AttributeValue } from "../../engine/span.ts";
import { integer } from "./decoded.ts";
import { MAX_ATTRIBUTES, MAX_DEPTH, MAX_TEXT_BYTES } from "./limits.ts";
import { length, varint, fixed64, type Wire } from "./wire.ts";

// opentelemetry.proto.common.v1
const KEY = length(1);
const VALUE = length(2);
const ELEMENT = length(1);
const STRING = length(1);
const BOOL = varint(2);
const INT = varint(3);
const DOUBLE = fixed64(4);
const ARRAY = length(5);
const LIST_OF_PAIRS = length(6);
const BYTES = length(7);

/** Reads one KeyValue into `attributes`; gives how many were left out for want of room, 0 or 1. */
export function readAttribute(
  wire: Wire,
  outer: number,
  attributes: Map<string, AttributeValue>,
  depth = 0,
): number {
  const end = wire.message(outer);
  if (attributes.size >= MAX_ATTRIBUTES) {
    wire.goTo(end);
    return 1;
  }
  let key = "";
  let value: AttributeValue = null;
  for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
    if (tag === KEY) key = wire.text(end);
    else if (tag === VALUE) value = readValue(wire, end, depth);
    else wire.skip(tag);
  }
  attributes.set(key, value);
  return 0;
}

function readValue(wire: Wire, outer: number, depth: number): AttributeValue {
  const end = wire.message(outer);
  let value: AttributeValue = null;
  for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
    switch (tag) {
      case STRING:
        value = wire.text(end);
        break;
      case BOOL:
        value = wire.bool();
        break;
      case INT:
        value = integer(wire.int64());
        break;
      case DOUBLE:
        value = wire.double();
        break;
      case ARRAY:
        value = readArray(wire, end, depth + 1);
        break;
      case LIST_OF_PAIRS:
        value = readPairs(wire, end, depth + 1);
        break;
      case BYTES:
        value = wire.bytes(end, MAX_TEXT_BYTES);
        break;
      default:
        wire.skip(tag);
    }
  }
  return value;
}

function readArray(wire: Wire, outer: number, depth: number): AttributeValue {
  const end = wire.message(outer);
  const elements: AttributeValue[] = [];
  if (depth > MAX_DEPTH) wire.goTo(end);
  for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
    if (tag === ELEMENT && elements.length < MAX_ATTRIBUTES) {
      elements.push(readValue(wire, end, depth));
    } else wire.skip(tag);
  }
  return depth > MAX_DEPTH ? null : elements;
}

function readPairs(wire: Wire, outer: number, depth: number): AttributeValue {
  const end = wire.message(outer);
  const pairs = new Map<string, AttributeValue>();
  if (depth > MAX_DEPTH) wire.goTo(end);
  for (let tag = wire.tag(end); tag !== 0; tag = wire.tag(end)) {
    if (tag === ELEMENT) readAttribute(wire, end, pairs, depth);
    else wire.skip(tag);
  }
  return depth > MAX_DEPTH ? null : pairs;
}
