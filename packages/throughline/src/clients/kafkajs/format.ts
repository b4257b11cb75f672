import type { KafkaMessage } from "kafkajs";
import { describeKey } from "../../brokers/kafka/key.ts";
import type { MessageFormat } from "../../message.ts";
import { KAFKA_OFFSET, KAFKA_TOMBSTONE } from "../../semconv.ts";

/** What a kafkajs message looks like once it is consumed. */
export const kafkajsFormat: MessageFormat = {
  system: "kafka",
  headers: (message) => (message as Partial<KafkaMessage>).headers,
  timestampMs(message) {
    const ms = Number((message as Partial<KafkaMessage>).timestamp);
    return ms > 0 ? ms : undefined;
  },
  offset: (message) => (message as Partial<KafkaMessage>).offset,
  // Every record of a record batch holds the batch's own header, under a name that its types leave out.
  sharedObject(message) {
    const { batchContext } = message as { batchContext?: unknown };
    return typeof batchContext === "object" && batchContext !== null ? batchContext : undefined;
  },
  describe(message, span, withKey) {
    const { offset, key, value } = message as Partial<KafkaMessage>;
    if (offset !== undefined) span.setAttribute(KAFKA_OFFSET, Number(offset));
    if (withKey) describeKey(span, key);
    if (value === null) span.setAttribute(KAFKA_TOMBSTONE, true);
  },
  // No partition: the dead letter's topic may have fewer. No timestamp: it is a message of its own.
  republish(message, headers) {
    const { key, value } = message as Partial<KafkaMessage>;
    for (const [name, held] of Object.entries(headers)) {
      // kafkajs gives a header without a value as null, and refuses to send one.
      const given = Array.isArray(held) ? held.map((each: unknown) => each ?? "") : (held ?? "");
      if (given !== held) Object.assign(headers, { [name]: given });
    }
    return { key: key ?? null, value: value ?? null, headers };
  },
};
