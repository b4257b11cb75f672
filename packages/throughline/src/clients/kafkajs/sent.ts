import type { Span } from "@opentelemetry/api";
import type { Message } from "kafkajs";
import { describeKey } from "../../brokers/kafka/key.ts";
import { KAFKA_TOMBSTONE, PARTITION } from "../../semconv.ts";
import type { Outgoing } from "../../send.ts";
import { viewWith } from "../../view.ts";

/** One message of a send, each of its fields read once. */
export class SentMessage implements Outgoing {
  readonly message: object;
  /** The headers that kafkajs would send: the own keys of an object, and none of a Map. */
  readonly headers: object | undefined;
  readonly value: unknown;
  private readonly given: object | undefined;
  private readonly key: unknown;
  private readonly partition: unknown;
  private readonly timestamp: unknown;
  private readonly plain: boolean;
  private readonly withKey: boolean;

  constructor(message: Partial<Message>, plain: boolean, withKey: boolean) {
    const { key, value, headers, partition, timestamp } = message;
    this.message = message;
    this.given = headers;
    this.headers = headers instanceof Map ? undefined : headers;
    this.value = value;
    this.key = key;
    this.partition = partition;
    this.timestamp = timestamp;
    this.plain = plain;
    this.withKey = withKey;
  }

  /** Whether kafkajs takes these headers: it fails on null, and on a list. */
  get hasTakenHeaders(): boolean {
    const headers: unknown = this.given;
    if (headers === undefined) return true;
    return headers !== null && typeof headers === "object" && !Array.isArray(headers);
  }

  describe(span: Span): void {
    if (this.withKey) describeKey(span, this.key);
    if (this.value === null) span.setAttribute(KAFKA_TOMBSTONE, true);
    if (typeof this.partition === "number") span.setAttribute(PARTITION, String(this.partition));
  }

  /** What to give to kafkajs in its place; without headers to change, the message as it was made. */
  with(changed: object | undefined): object {
    if (!this.plain) {
      // An instance of the application's own class, or an object with more fields than kafkajs
      // knows: a partitioner of the application's may read them.
      return changed === undefined ? this.message : viewWith(this.message, "headers", changed);
    }
    const { key, value, partition, timestamp } = this;
    const headers = changed ?? this.given;
    if (partition === undefined && timestamp === undefined) return { key, value, headers };
    return { key, value, headers, partition, timestamp };
  }
}

/** Reads a message of the application's; undefined where kafkajs is going to refuse it. */
export function sentAs(message: unknown, withKey: boolean): SentMessage | undefined {
  if (message === null || typeof message !== "object") return undefined;
  const sent = new SentMessage(message, isPlain(message), withKey);
  return sent.value === undefined || !sent.hasTakenHeaders ? undefined : sent;
}

/** A plain object that holds nothing but what kafkajs knows. */
function isPlain(message: object): boolean {
  if (Object.getPrototypeOf(message) !== Object.prototype) return false;
  for (const name of Object.getOwnPropertyNames(message)) if (!isField(name)) return false;
  // Asked in two, names and symbols cost a third of what Reflect.ownKeys does.
  return Object.getOwnPropertySymbols(message).length === 0;
}

// Comparisons with constants: a Set's look-up is a tenth of what a send costs.
function isField(name: string): boolean {
  return (
    name === "key" ||
    name === "value" ||
    name === "headers" ||
    name === "partition" ||
    name === "timestamp"
  );
}
