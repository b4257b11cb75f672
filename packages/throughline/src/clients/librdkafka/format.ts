import { describeKey } from "../../brokers/kafka/key.ts";
import { eachHeader, nameText } from "../../carrier.ts";
import type { MessageFormat } from "../../message.ts";
import { KAFKA_OFFSET, KAFKA_TOMBSTONE } from "../../semconv.ts";

/** A consumed message of either interface: headers as an object, or as a list of single-key objects. */
export interface ConsumedMessage {
  readonly topic?: unknown;
  readonly partition?: unknown;
  readonly offset?: string | number;
  readonly timestamp?: unknown;
  readonly key?: unknown;
  readonly value?: unknown;
  readonly headers?: unknown;
}

/** Whether a header's value is one that Confluent's native side takes: text, or bytes of any view. */
export function isHeaderValue(value: unknown): boolean {
  return typeof value === "string" || ArrayBuffer.isView(value);
}

/** What a message looks like once a client over librdkafka has consumed it. */
export const librdkafkaFormat: MessageFormat = {
  system: "kafka",
  headers: (message) => (message as ConsumedMessage).headers,
  timestampMs(message) {
    const ms = Number((message as ConsumedMessage).timestamp);
    return ms > 0 ? ms : undefined;
  },
  offset(message) {
    const { offset } = message as ConsumedMessage;
    return offset === undefined ? undefined : String(offset);
  },
  describe(message, span, withKey) {
    const { offset, key, value } = message as ConsumedMessage;
    if (offset !== undefined) span.setAttribute(KAFKA_OFFSET, Number(offset));
    if (withKey) describeKey(span, key);
    if (value === null) span.setAttribute(KAFKA_TOMBSTONE, true);
  },
  // No partition: the dead letter's topic may have fewer. No timestamp: it is a message of its own.
  republish(message, headers) {
    const { key, value, topic, headers: given } = message as ConsumedMessage;
    // The classic interface names the topic on the message, and takes a list of headers.
    const classic = topic !== undefined || Array.isArray(given);
    return {
      key: key ?? null,
      value: value ?? null,
      headers: classic && !Array.isArray(headers) ? listOf(headers) : headers,
    };
  },
};

function listOf(headers: object): object[] {
  const list: object[] = [];
  eachHeader(headers, (name, value) => list.push({ [nameText(name) ?? ""]: value }));
  return list;
}
