import type { AttributeValue, Resource, Scope } from "../../engine/span.ts";
import { Collected, type Decoded, MalformedBody, resourceOf } from "./decoded.ts";
import { fieldsOf, listOf, textOf } from "./json-field.ts";
import { readSpan } from "./json-span.ts";
import { readAttributes } from "./json-value.ts";

/**
 * The spans of an ExportTraceServiceRequest in OTLP's JSON: ids in hex, lowerCamelCase names,
 * integers of 64 bits as text. Fields that are not known are passed over.
 *
 * @throws MalformedBody where the bytes are no such object.
 */
export function decodeJson(body: Buffer): Decoded {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw new MalformedBody(`the body is no JSON: ${(error as Error).message}`);
  }
  const collected = new Collected();
  for (const resourceSpans of listOf(fieldsOf(parsed, "the body"), "resourceSpans")) {
    readResourceSpans(resourceSpans, collected);
  }
  return collected;
}

function readResourceSpans(value: unknown, collected: Collected): void {
  const fields = fieldsOf(value, "resourceSpans");
  const attributes = new Map<string, AttributeValue>();
  readAttributes(fieldsOf(fields["resource"] ?? {}, "resource"), attributes);
  const resource = resourceOf(attributes);
  for (const scopeSpans of listOf(fields, "scopeSpans")) {
    readScopeSpans(scopeSpans, resource, collected);
  }
}

function readScopeSpans(value: unknown, resource: Resource, collected: Collected): void {
  const fields = fieldsOf(value, "scopeSpans");
  const told = fieldsOf(fields["scope"] ?? {}, "scope");
  const scope: Scope = { name: textOf(told, "name"), version: textOf(told, "version") };
  for (const span of listOf(fields, "spans")) collected.add(readSpan(span, resource, scope));
}
