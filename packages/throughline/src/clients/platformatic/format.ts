import type { Message } from "@platformatic/kafka";
import { describeKey } from "../../brokers/kafka/key.ts";
import type { MessageFormat } from "../../message.ts";
import { KAFKA_OFFSET, KAFKA_TOMBSTONE } from "../../semconv.ts";
import { encodingSeen, formOf, textAsBytes } from "./encoding.ts";

/** A consumed message, whatever the application's deserializers made of it. */
export type Consumed = Partial<Message<unknown, unknown, unknown, unknown>>;

/** Dead letters by their headers, which a copy with a topic still holds. */
const letters = new WeakMap<object, object>();

/** The dead letter that headers were made for; undefined for those of any other message. */
export function letterWith(headers: unknown): object | undefined {
  return headers instanceof Map ? letters.get(headers) : undefined;
}

/** What a message of @platformatic/kafka looks like once it is consumed. */
export const platformaticFormat: MessageFormat = {
  system: "kafka",
  // The Map holds a repeated header once; the entries hold it as often as it was sent.
  headers(message) {
    const { headerEntries, headers } = message as Consumed;
    return headerEntries ?? headers;
  },
  timestampMs(message) {
    const ms = Number((message as Consumed).timestamp);
    return ms > 0 ? ms : undefined;
  },
  offset: (message) => (message as Consumed).offset?.toString(),
  describe(message, span, withKey) {
    const { offset, key, value } = message as Consumed;
    if (offset !== undefined) span.setAttribute(KAFKA_OFFSET, Number(offset));
    if (withKey) describeKey(span, key);
    if (value === null || value === undefined) span.setAttribute(KAFKA_TOMBSTONE, true);
  },
  // No partition: the dead letter's topic may have fewer. No timestamp: it is a message of its own.
  republish(message, headers) {
    const { key, value, headers: kept } = message as Consumed;
    const body = formOf(value) ?? formOf(key) ?? "bytes";
    const encoding = { name: body, value: body, ...encodingSeen(kept) };
    const map = textAsBytes(headers, encoding, true);
    // A record without a body is consumed with undefined, and sent with null.
    const letter = { key, value: value ?? null, headers: map };
    letters.set(map, letter);
    return letter;
  },
};
