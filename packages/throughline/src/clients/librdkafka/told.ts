import type { Delivery } from "../../message.ts";
import type { ConsumedMessage } from "./format.ts";

/**
 * What a classic message tells of its own delivery, for one that no traced client delivered: a
 * read stream's, a bare consumer's. A message of the promised interface names no topic.
 */
export function toldBy(message: object | null | undefined): Delivery | undefined {
  const { topic, partition } = (message ?? {}) as Partial<ConsumedMessage>;
  if (typeof topic !== "string" || typeof partition !== "number") return undefined;
  return { system: "kafka", destination: topic, partition };
}
