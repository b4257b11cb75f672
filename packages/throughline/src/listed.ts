import type { Attributes } from "@opentelemetry/api";

const NONE: Attributes = {};

/**
 * Attributes that many spans are started with. The engine keeps the list of an object's names once
 * somebody has asked for it, and an SDK, which goes through them for each span, is then three times
 * as fast at it. They are not frozen: that would cost half of the gain again.
 */
export function listed(attributes: Attributes): Attributes {
  // The list has a use, or whoever bundles this may take the asking out.
  return Object.keys(attributes).length === 0 ? NONE : attributes;
}
