import type { AttributeValue } from "../../engine/span.ts";
import { integer, MalformedBody } from "./decoded.ts";
import { cut, fieldsOf, type Fields, integerOf, listOf, textOf } from "./json-field.ts";
import { MAX_ATTRIBUTES, MAX_DEPTH, MAX_TEXT_BYTES } from "./limits.ts";

/** Reads the field `attributes`; gives how many were left out for want of room. */
export function readAttributes(fields: Fields, attributes: Map<string, AttributeValue>): number {
  return readPairs(listOf(fields, "attributes"), attributes, 0);
}

function readPairs(
  pairs: readonly unknown[],
  attributes: Map<string, AttributeValue>,
  depth: number,
): number {
  for (const pair of pairs.slice(0, MAX_ATTRIBUTES)) {
    const fields = fieldsOf(pair, "an attribute");
    attributes.set(textOf(fields, "key"), readValue(fields["value"] ?? {}, depth));
  }
  return Math.max(0, pairs.length - MAX_ATTRIBUTES);
}

function readValue(value: unknown, depth: number): AttributeValue {
  const fields = fieldsOf(value, "an attribute's value");
  if (fields["stringValue"] !== undefined) return textOf(fields, "stringValue");
  if (fields["boolValue"] !== undefined) return fields["boolValue"] === true;
  if (fields["intValue"] !== undefined) return integer(integerOf(fields, "intValue"));
  if (fields["doubleValue"] !== undefined) return Number(fields["doubleValue"]);
  if (fields["bytesValue"] !== undefined) return readBytes(fields["bytesValue"]);
  if (depth >= MAX_DEPTH) return null;
  if (fields["arrayValue"] !== undefined) return readArray(fields["arrayValue"], depth + 1);
  if (fields["kvlistValue"] !== undefined) {
    const pairs = new Map<string, AttributeValue>();
    readPairs(listOf(fieldsOf(fields["kvlistValue"], "kvlistValue"), "values"), pairs, depth + 1);
    return pairs;
  }
  return null;
}

function readArray(value: unknown, depth: number): AttributeValue {
  const elements = listOf(fieldsOf(value, "arrayValue"), "values");
  return elements.slice(0, MAX_ATTRIBUTES).map((element) => readValue(element, depth));
}

function readBytes(value: unknown): Uint8Array {
  if (typeof value !== "string") throw new MalformedBody("bytesValue is no text");
  return Uint8Array.from(Buffer.from(cut(value), "base64").subarray(0, MAX_TEXT_BYTES));
}
