import type { SpanContext } from "@opentelemetry/api";

// Under a global symbol: a dead letter made by one copy of this library may be sent through another.
const KEY = Symbol.for("throughline.letters.2");
interface Letters {
  /** Made with the first dead letter: until then a message to send costs no look-up. */
  parents?: WeakMap<object, SpanContext>;
}
const shared = globalThis as { [KEY]?: Letters };
const letters: Letters = (shared[KEY] ??= {});

/**
 * Takes note of what a dead letter continues, so that the producer that sends it keeps it there. Its
 * headers, which were made for it alone, stand for it where a client takes a message in parts.
 */
export function rememberLetter(letter: object, parent: SpanContext): void {
  const parents = (letters.parents ??= new WeakMap());
  parents.set(letter, parent);
  const { headers } = letter as { headers?: unknown };
  if (typeof headers === "object" && headers !== null) parents.set(headers, parent);
}

/** The failed attempt (or creation context) that a dead letter continues; undefined for any other message. */
export function letterParent(message: object): SpanContext | undefined {
  return letters.parents?.get(message);
}
