import type { Span } from "@opentelemetry/api";
import type { MessageToProduce } from "@platformatic/kafka";
import { describeKey } from "../../brokers/kafka/key.ts";
import { KAFKA_TOMBSTONE, PARTITION } from "../../semconv.ts";
import type { Outgoing } from "../../send.ts";
import { viewWith } from "../../view.ts";
import { encoded, type Encoding, type Encodings } from "./encoding.ts";
import { letterWith } from "./format.ts";

type Message = Partial<MessageToProduce<unknown, unknown, unknown, unknown>>;

/** One message of a send, each of its fields read once. */
export class SentMessage implements Outgoing {
  /** What links and dead letters are known by: for a dead letter that was given a topic, the letter. */
  readonly message: object;
  readonly headers: object | undefined;
  readonly topic: string;
  private readonly given: object;
  private readonly key: unknown;
  private readonly value: unknown;
  private readonly partition: unknown;
  private readonly timestamp: unknown;
  private readonly metadata: unknown;
  private readonly withKey: boolean;

  constructor(message: Message, topic: string, value: unknown, headers: unknown, withKey: boolean) {
    const { key, partition, timestamp, metadata } = message;
    this.given = message;
    this.message = letterWith(headers) ?? message;
    this.headers = headers as object | undefined;
    this.topic = topic;
    this.key = key;
    this.value = value;
    this.partition = partition;
    this.timestamp = timestamp;
    this.metadata = metadata;
    this.withKey = withKey;
  }

  describe(span: Span): void {
    if (this.withKey) describeKey(span, this.key);
    if (this.value === null || this.value === undefined) span.setAttribute(KAFKA_TOMBSTONE, true);
    if (typeof this.partition === "number") span.setAttribute(PARTITION, String(this.partition));
  }

  /** What to give to the client in its place; without headers to change, the message as it was made. */
  with(changed: object | undefined, encodings: Encodings, fields: ReadonlySet<string>): object {
    if (changed === undefined) return this.given;
    const headers = this.headersIn(changed, encodings.of(this.headers), fields);
    // Serializers, hooks and partitioners of the application are given the message as well.
    if (!isPlain(this.given)) return viewWith(this.given, "headers", headers);
    const { topic, key, value, partition, timestamp, metadata } = this;
    if (partition === undefined && timestamp === undefined && metadata === undefined) {
      return { topic, key, value, headers };
    }
    return {
      topic,
      key,
      value,
      headers,
      ...(partition !== undefined && { partition }),
      ...(timestamp !== undefined && { timestamp }),
      ...(metadata !== undefined && { metadata }),
    };
  }

  private headersIn(changed: object, encoding: Encoding, fields: ReadonlySet<string>): object {
    const isText = encoding.name === "text" && encoding.value === "text";
    // What was added is text already; a dead letter may bring bytes.
    if (isText && this.message === this.given) return changed;
    const asMap = this.headers === undefined || this.headers instanceof Map;
    return encoded(changed, encoding, fields, asMap);
  }
}

/** Reads a message of the application's; undefined where it can't be told what the client makes of it. */
export function sentAs(message: unknown, withKey: boolean): SentMessage | undefined {
  if (message === null || typeof message !== "object") return undefined;
  const { topic, value, headers }: Message & { headers?: unknown } = message;
  if (typeof topic !== "string") return undefined;
  const taken =
    headers === undefined ||
    (headers !== null && typeof headers === "object" && !Array.isArray(headers));
  return taken ? new SentMessage(message, topic, value, headers, withKey) : undefined;
}

/** A plain object that holds nothing but what the client knows. */
function isPlain(message: object): boolean {
  if (Object.getPrototypeOf(message) !== Object.prototype) return false;
  for (const name of Object.getOwnPropertyNames(message)) if (!isField(name)) return false;
  return Object.getOwnPropertySymbols(message).length === 0;
}

// Comparisons with constants: a Set's look-up is dear where it is done for each message.
function isField(name: string): boolean {
  return (
    name === "topic" ||
    name === "key" ||
    name === "value" ||
    name === "headers" ||
    name === "partition" ||
    name === "timestamp" ||
    name === "metadata"
  );
}
