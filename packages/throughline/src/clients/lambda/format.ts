import type { Span } from "@opentelemetry/api";
import { describeKey } from "../../brokers/kafka/key.ts";
import type { MessageFormat } from "../../message.ts";
import { KAFKA_OFFSET, KAFKA_TOMBSTONE, MESSAGE_ID } from "../../semconv.ts";
import type { AttributeHeaders } from "../aws/attributes.ts";
import { eventHeaders, notificationHeaders } from "../aws/envelope.ts";
import { sqsFormat } from "../aws/message.ts";
import {
  type BridgeEvent,
  isBridge,
  isKafka,
  isSns,
  isSqs,
  type KafkaRecord,
  type SqsRecord,
} from "./records.ts";

/** What a message of each of Lambda's event sources looks like. */
export const lambdaFormat: MessageFormat = {
  system: undefined,
  headers(record) {
    if (isSns(record)) return notificationHeaders(record.Sns.MessageAttributes);
    if (isKafka(record)) return kafkaHeaders(record.headers);
    if (isBridge(record)) return eventHeaders(record);
    return isSqs(record) ? sqsFormat.headers(asReceived(record)) : undefined;
  },
  timestampMs(record) {
    if (isSns(record)) return msOf(record.Sns.Timestamp);
    if (isKafka(record)) return msOf(record.timestamp);
    if (isBridge(record)) return msOf(record.time);
    return isSqs(record) ? msOf(Number(record.attributes?.["SentTimestamp"])) : undefined;
  },
  offset(record) {
    if (isKafka(record)) return String(record.offset);
    const sequence = isSqs(record) ? record.attributes?.["SequenceNumber"] : undefined;
    return typeof sequence === "string" ? sequence : undefined;
  },
  describe(record, span, withKey) {
    if (isKafka(record)) describeKafka(record, span, withKey);
    else if (isSns(record)) named(span, record.Sns.MessageId);
    else if (isBridge(record)) named(span, record.id);
    else if (isSqs(record)) named(span, record.messageId);
  },
  republish(record, headers) {
    if (isKafka(record)) return kafkaLetter(record, headers);
    if (isSqs(record)) return sqsLetter(asReceived(record), headers);
    const body = isSns(record) ? record.Sns.Message : JSON.stringify(record);
    return sqsLetter({ Body: body }, isBridge(record) ? withoutDetail(record, headers) : headers);
  },
};

function named(span: Span, id: unknown): void {
  if (typeof id === "string") span.setAttribute(MESSAGE_ID, id);
}

function msOf(time: unknown): number | undefined {
  const ms = typeof time === "string" ? Date.parse(time) : time;
  return typeof ms === "number" && ms > 0 ? ms : undefined;
}

/** The same messages as the SDK would have received them: Lambda spells the fields of an attribute in small letters. */
const received = new WeakMap<SqsRecord, object>();

function asReceived(record: SqsRecord): object {
  const known = received.get(record);
  if (known !== undefined) return known;
  const { body, messageId, attributes, messageAttributes } = record;
  const message = {
    MessageId: messageId,
    Body: body,
    Attributes: attributes,
    MessageAttributes: sdkAttributes(messageAttributes),
  };
  received.set(record, message);
  return message;
}

function sdkAttributes(attributes: unknown): Record<string, object> | undefined {
  if (attributes === null || typeof attributes !== "object") return undefined;
  const given = Object.entries(attributes as Record<string, unknown>);
  if (given.length === 0) return undefined;
  const spelt = given.map(([name, attribute]) => {
    const { dataType, stringValue, binaryValue } = (attribute ?? {}) as Record<string, unknown>;
    const value =
      typeof binaryValue === "string"
        ? { BinaryValue: Buffer.from(binaryValue, "base64") }
        : { StringValue: stringValue };
    return [name, { DataType: dataType, ...value }] as const;
  });
  return Object.fromEntries(spelt);
}

function sqsLetter(message: object, headers: object): object {
  return sqsFormat.republish?.(message, headers) ?? message;
}

/** A detail's own fields are in the body already, and are no headers. */
function withoutDetail(event: BridgeEvent, headers: object): object {
  const detail = eventHeaders(event) ?? {};
  const added = Object.entries(headers).filter(
    ([name, value]) => !Object.hasOwn(detail, name) || detail[name] !== value,
  );
  return Object.fromEntries(added);
}

/** Headers come as `[{ name: [bytes] }]`. */
function kafkaHeaders(headers: unknown): readonly AttributeHeaders[] | undefined {
  if (!Array.isArray(headers)) return undefined;
  return (headers as unknown[]).map((header) => {
    const entries = Object.entries((header ?? {}) as Record<string, unknown>);
    return Object.fromEntries(entries.map(([name, value]) => [name, bytesOf(value)]));
  });
}

function bytesOf(value: unknown): unknown {
  return Array.isArray(value) ? Buffer.from(value as number[]) : value;
}

function fromBase64(text: unknown): Buffer | null {
  return typeof text === "string" ? Buffer.from(text, "base64") : null;
}

/** A record's key and value as Lambda gave them: Powertools' accessors deserialize, and may throw. */
function encoded(record: KafkaRecord): { key: unknown; value: unknown } {
  return {
    key: "originalKey" in record ? record.originalKey : record.key,
    value: "originalValue" in record ? record.originalValue : record.value,
  };
}

function describeKafka(record: KafkaRecord, span: Span, withKey: boolean): void {
  span.setAttribute(KAFKA_OFFSET, Number(record.offset));
  const { key, value } = encoded(record);
  if (withKey) describeKey(span, fromBase64(key));
  if (value === null) span.setAttribute(KAFKA_TOMBSTONE, true);
}

/** As kafkajs and most others take a message: headers by name, repeated ones as a list. */
function kafkaLetter(record: KafkaRecord, headers: object): object {
  const byName: Record<string, unknown> = {};
  // A record without headers is given an object of them.
  const list: readonly object[] = Array.isArray(headers) ? headers : [headers];
  for (const header of list.flatMap((each) => Object.entries(each))) {
    const [name, value] = header as [string, unknown];
    const held = Object.hasOwn(byName, name) ? [byName[name], value ?? ""].flat() : (value ?? "");
    Object.defineProperty(byName, name, {
      value: held,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  const { key, value } = encoded(record);
  return { key: fromBase64(key), value: fromBase64(value), headers: byName };
}
