import type { Message } from "kafkajs";

/** One message of a send, each of its fields read once. */
export interface SentMessage {
  readonly original: object;
  readonly key: unknown;
  readonly value: unknown;
  readonly partition: unknown;
  readonly headers: object | undefined;
  /** What to give to kafkajs in its place; with undefined, the message as the application made it. */
  with(headers: object | undefined): object;
}

const FIELDS: ReadonlySet<PropertyKey> = new Set([
  "key",
  "value",
  "headers",
  "partition",
  "timestamp",
]);

/** Reads a message of the application's; undefined where kafkajs is going to refuse it. */
export function sentAs(message: unknown): SentMessage | undefined {
  if (message === null || typeof message !== "object") return undefined;
  return isPlain(message) ? asLiteral(message) : asView(message);
}

/** A plain object that holds nothing but what kafkajs knows. */
function isPlain(message: object): boolean {
  if (Object.getPrototypeOf(message) !== Object.prototype) return false;
  return Reflect.ownKeys(message).every((name) => FIELDS.has(name));
}

function asLiteral(original: Partial<Message>): SentMessage | undefined {
  const { key, value, headers, partition, timestamp } = original;
  const carrier = carrierOf(headers);
  if (value === undefined || carrier === "refused") return undefined;
  return {
    original,
    key,
    value,
    partition,
    headers: carrier,
    with: (changed) => ({
      ...(key === undefined ? {} : { key }),
      value,
      headers: changed ?? headers,
      ...(partition === undefined ? {} : { partition }),
      ...(timestamp === undefined ? {} : { timestamp }),
    }),
  };
}

/**
 * An instance of the application's own class, or an object with more fields than kafkajs knows: a
 * partitioner of the application's may read them, and a getter may need its private fields. Seen
 * through a proxy it is the same to both, but for its headers.
 */
function asView(original: Partial<Message>): SentMessage | undefined {
  const { key, value, headers, partition } = original;
  const carrier = carrierOf(headers);
  if (value === undefined || carrier === "refused") return undefined;
  return {
    original,
    key,
    value,
    partition,
    headers: carrier,
    with: (changed) => (changed === undefined ? original : viewWith(original, changed)),
  };
}

function viewWith(original: object, headers: object): object {
  // Stands before an object of its own, which may be given a property that a frozen one may not.
  const shadow: object = Object.create(Object.getPrototypeOf(original) as object | null);
  return new Proxy(shadow, {
    get(_shadow, name) {
      if (name === "headers") return headers;
      const value: unknown = Reflect.get(original, name, original);
      // A method may need the private fields of the original, which the view has not.
      return typeof value === "function" && name !== "constructor" ? value.bind(original) : value;
    },
    // What a partitioner of the application's writes, it writes to its own message.
    set: (_shadow, name, value) => Reflect.set(original, name, value, original),
    has: (_shadow, name) => name === "headers" || Reflect.has(original, name),
    ownKeys: () => [...new Set([...Reflect.ownKeys(original), "headers"])],
    getOwnPropertyDescriptor(_shadow, name) {
      if (name === "headers") {
        return { value: headers, enumerable: true, configurable: true, writable: true };
      }
      const descriptor = Reflect.getOwnPropertyDescriptor(original, name);
      if (descriptor === undefined) return undefined;
      const value: unknown = Reflect.get(original, name, original);
      return {
        value,
        enumerable: descriptor.enumerable === true,
        configurable: true,
        writable: true,
      };
    },
  });
}

/** The headers that kafkajs would send: it takes the own keys of an object, none of a Map, and fails on null. */
function carrierOf(headers: unknown): object | undefined | "refused" {
  if (headers === undefined || headers instanceof Map) return undefined;
  return headers === null || typeof headers !== "object" || Array.isArray(headers)
    ? "refused"
    : headers;
}
