import { DLQ } from "../../dead-letter-headers.ts";

/**
 * The one attribute that tells a dead letter's story: SQS counts attributes, and ten are all there
 * are. It holds as JSON what other brokers carry as headers, under the same names.
 */
export const DLQ_ATTRIBUTE = "dlq";

const NAMES: readonly string[] = Object.values(DLQ);
/** What we write is a fifth of it at most; what is longer was not written by us. */
const MAX_CHARACTERS = 16_384;

export function isDlqHeader(name: string): boolean {
  return name.startsWith("dlq.") && NAMES.includes(name);
}

/** The attribute's text for a dead letter's headers. */
export function packDlq(headers: Readonly<Record<string, string>>): string {
  // JSON escapes what SQS refuses in an attribute, but for these two.
  return JSON.stringify(headers).replace(/[\uFFFE\uFFFF]/g, "\uFFFD");
}

/** The headers that an attribute's text stands for; undefined where it is not one of ours. */
export function unpackDlq(text: unknown): Record<string, string> | undefined {
  if (typeof text !== "string" || text.length > MAX_CHARACTERS || text[0] !== "{") return undefined;
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return undefined;
  }
  const facts = read as Record<string, unknown>;
  const found = NAMES.filter(
    (name) => Object.hasOwn(facts, name) && typeof facts[name] === "string",
  );
  if (found.length === 0) return undefined;
  return Object.fromEntries(found.map((name) => [name, facts[name] as string]));
}
