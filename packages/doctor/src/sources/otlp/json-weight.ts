import type { Attributes, AttributeValue, SpanLink } from "../../engine/span.ts";

/** What a span takes in protobuf besides its texts, attributes and links, about. */
const SPAN_BYTES = 100;
/** What an attribute or a link takes there besides its content, about. */
const FIELD_BYTES = 40;

/**
 * What a span that came as JSON would take in protobuf, about: spans are weighed alike, however
 * they came.
 */
export function weighSpan(
  texts: readonly string[],
  attributes: Attributes,
  links: readonly SpanLink[],
): number {
  let bytes = SPAN_BYTES + weigh(attributes);
  for (const text of texts) bytes += text.length;
  for (const link of links) bytes += FIELD_BYTES + weigh(link.attributes);
  return bytes;
}

function weigh(value: AttributeValue): number {
  if (typeof value === "string") return value.length;
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null) return 8;
  let bytes = 0;
  if (value instanceof Map) {
    for (const [key, each] of value as Attributes) bytes += FIELD_BYTES + key.length + weigh(each);
  } else {
    for (const each of value as readonly AttributeValue[]) bytes += 2 + weigh(each);
  }
  return bytes;
}
