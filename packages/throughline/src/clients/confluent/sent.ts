import type { Span } from "@opentelemetry/api";
import { describeKey } from "../../brokers/kafka/key.ts";
import { KAFKA_TOMBSTONE, PARTITION } from "../../semconv.ts";
import type { Outgoing } from "../../send.ts";
import { isHeaderValue } from "../librdkafka/format.ts";

/** A message as the application writes it; the client reads these fields and no other. */
interface Sendable {
  readonly key?: unknown;
  readonly value?: unknown;
  readonly headers?: object | null;
  readonly partition?: unknown;
  readonly timestamp?: unknown;
}

/**
 * One message of a send, each of its fields read once. The client writes to the messages that it
 * is given; it is always given a copy, so that it writes to none of the application's.
 */
export class SentMessage implements Outgoing {
  readonly message: object;
  readonly headers: object | undefined;
  private readonly withKey: boolean;
  private readonly copy: Record<string, unknown>;

  constructor(message: Sendable, withKey: boolean) {
    const { key, value, headers } = message;
    this.message = message;
    this.headers = headers ?? undefined;
    this.withKey = withKey;
    this.copy = { key, value, headers };
    // The client asks whether the message itself has these.
    if (Object.hasOwn(message, "partition")) this.copy["partition"] = message.partition;
    if (Object.hasOwn(message, "timestamp")) this.copy["timestamp"] = message.timestamp;
  }

  describe(span: Span): void {
    const { key, value, partition } = this.copy;
    if (this.withKey) describeKey(span, key);
    if (value === null) span.setAttribute(KAFKA_TOMBSTONE, true);
    if (typeof partition === "number" && partition >= 0) {
      span.setAttribute(PARTITION, String(partition));
    }
  }

  /** What to give to the client in its place. */
  with(changed: object | undefined): object {
    if (changed !== undefined) this.copy["headers"] = changed;
    return this.copy;
  }
}

/** Reads a message of the application's; undefined where the client is going to refuse its headers. */
export function sentAs(message: unknown, withKey: boolean): SentMessage | undefined {
  if (message === null || typeof message !== "object") return undefined;
  const sent = new SentMessage(message, withKey);
  return isTaken(sent.headers) ? sent : undefined;
}

/** The native side refuses a value that is neither text nor bytes, unless another header follows it. */
function isTaken(headers: object | undefined): boolean {
  if (headers === undefined) return true;
  if (typeof headers !== "object" || Array.isArray(headers) || headers instanceof Map) return false;
  for (const value of Object.values(headers) as unknown[]) {
    if (!(Array.isArray(value) ? value.every(isHeaderValue) : isHeaderValue(value))) return false;
  }
  return true;
}
