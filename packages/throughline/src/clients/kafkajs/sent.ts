import type { Span } from "@opentelemetry/api";
import type { Message } from "kafkajs";
import { describeKey } from "../../brokers/kafka/key.ts";
import { KAFKA_TOMBSTONE, PARTITION } from "../../semconv.ts";
import type { Outgoing } from "../../send.ts";
import { viewWith } from "../../view.ts";

/** What kafkajs reads of a message. */
interface Fields {
  readonly key: unknown;
  readonly value: unknown;
  headers: unknown;
  readonly partition?: unknown;
  readonly timestamp?: unknown;
}

/** One message of a send, each of its fields read once. */
export class SentMessage implements Outgoing {
  readonly message: object;
  /** The headers that kafkajs would send: the own keys of an object, and none of a Map. */
  readonly headers: object | undefined;
  private readonly fields: Fields;
  private readonly plain: boolean;
  private readonly withKey: boolean;

  constructor(message: object, fields: Fields, plain: boolean, withKey: boolean) {
    const { headers } = fields;
    this.message = message;
    this.headers = headers instanceof Map ? undefined : (headers as object | undefined);
    this.fields = fields;
    this.plain = plain;
    this.withKey = withKey;
  }

  describe(span: Span): void {
    const { key, value, partition } = this.fields;
    if (this.withKey) describeKey(span, key);
    if (value === null) span.setAttribute(KAFKA_TOMBSTONE, true);
    if (typeof partition === "number") span.setAttribute(PARTITION, String(partition));
  }

  /** What to give to kafkajs in its place; without headers to change, the message as it was made. */
  with(changed: object | undefined): object {
    if (this.plain) {
      if (changed !== undefined) this.fields.headers = changed;
      return this.fields;
    }
    // An instance of the application's own class, or an object with more fields than kafkajs
    // knows: a partitioner of the application's may read them.
    return changed === undefined ? this.message : viewWith(this.message, "headers", changed);
  }
}

/** Reads a message of the application's; undefined where kafkajs is going to refuse it. */
export function sentAs(message: unknown, withKey: boolean): SentMessage | undefined {
  if (message === null || typeof message !== "object") return undefined;
  const { key, value, headers, partition, timestamp } = message as Partial<Message>;
  if (value === undefined || !isTaken(headers)) return undefined;
  const fields: Fields =
    partition === undefined && timestamp === undefined
      ? { key, value, headers }
      : { key, value, headers, partition, timestamp };
  return new SentMessage(message, fields, isPlain(message), withKey);
}

/** Whether kafkajs takes these headers: it fails on null, and on a list. */
function isTaken(headers: unknown): boolean {
  if (headers === undefined) return true;
  return headers !== null && typeof headers === "object" && !Array.isArray(headers);
}

/** A plain object that holds nothing but what kafkajs knows. */
function isPlain(message: object): boolean {
  if (Object.getPrototypeOf(message) !== Object.prototype) return false;
  const names = Object.getOwnPropertyNames(message);
  for (let at = 0; at < names.length; at++) if (!isField(names[at] as string)) return false;
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
