import type { SpanContext } from "@opentelemetry/api";

// Under a global symbol: a dead letter made by one copy of this library may be sent through another.
const KEY = Symbol.for("throughline.letters.1");
const shared = globalThis as { [KEY]?: WeakMap<object, SpanContext> };
const letters: WeakMap<object, SpanContext> = (shared[KEY] ??= new WeakMap<object, SpanContext>());

/**
 * Takes note of what a dead letter continues, so that the producer that sends it keeps it there. Its
 * headers, which were made for it alone, stand for it where a client takes a message in parts.
 */
export function rememberLetter(letter: object, parent: SpanContext): void {
  letters.set(letter, parent);
  const { headers } = letter as { headers?: unknown };
  if (typeof headers === "object" && headers !== null) letters.set(headers, parent);
}

/** The failed attempt (or creation context) that a dead letter continues; undefined for any other message. */
export function letterParent(message: object): SpanContext | undefined {
  return letters.get(message);
}
