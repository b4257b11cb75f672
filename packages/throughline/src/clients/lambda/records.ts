import type { Delivery } from "../../message.ts";

// The shapes are those of AWS's documentation of each event source; what an application's parser
// left of a record is still one.

/** A message of SQS as Lambda hands it over. */
export interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly messageAttributes?: unknown;
  readonly eventSourceARN?: string;
}

/** A notification of SNS. */
export interface SnsRecord {
  readonly Sns: {
    readonly MessageId?: unknown;
    readonly TopicArn?: string;
    readonly Timestamp?: unknown;
    readonly Message?: unknown;
    readonly MessageAttributes?: unknown;
  };
}

/** A record of Kafka, from MSK or from a cluster of one's own. */
export interface KafkaRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number | string;
  readonly timestamp?: unknown;
  readonly key?: unknown;
  readonly value?: unknown;
  readonly headers?: unknown;
  /** What a record of Powertools' Kafka consumer keeps of the two, whose own are what it made of them. */
  readonly originalKey?: unknown;
  readonly originalValue?: unknown;
}

/** An event of EventBridge, which is its own record. */
export interface BridgeEvent {
  readonly id?: unknown;
  readonly source: string;
  readonly "detail-type": string;
  readonly time?: unknown;
  readonly detail: unknown;
}

/** One message in what Lambda calls a handler with. */
export type LambdaRecord = SqsRecord | SnsRecord | KafkaRecord | BridgeEvent;

export function isSqs(record: object): record is SqsRecord {
  const { messageId, body, eventSource } = record as Record<string, unknown>;
  // A parser may have made something else of the body.
  return typeof messageId === "string" && (eventSource === "aws:sqs" || body !== undefined);
}

export function isSns(record: object): record is SnsRecord {
  const { Sns } = record as { Sns?: unknown };
  return typeof Sns === "object" && Sns !== null;
}

export function isKafka(record: object): record is KafkaRecord {
  const { topic, partition, offset } = record as Record<string, unknown>;
  return typeof topic === "string" && isNumber(partition) && isNumber(offset);
}

/** As a number, or written as one. */
function isNumber(value: unknown): boolean {
  return typeof value === "number" || typeof value === "string";
}

export function isBridge(record: object): record is BridgeEvent {
  const { source, detail } = record as Record<string, unknown>;
  return Object.hasOwn(record, "detail-type") && typeof source === "string" && detail !== undefined;
}

/** Where a record came from, which it tells itself; undefined for one of a source that carries no context. */
export function deliveryOf(record: object): Delivery | undefined {
  if (isSns(record)) {
    return { system: "aws.sns", destination: lastOf(record.Sns.TopicArn) };
  }
  if (isKafka(record)) {
    const { topic, partition } = record;
    return { system: "kafka", destination: topic, partition };
  }
  if (isBridge(record)) return { system: "aws.eventbridge", destination: record.source };
  if (isSqs(record)) return { system: "aws_sqs", destination: lastOf(record.eventSourceARN) };
  return undefined;
}

function lastOf(arn: unknown): string {
  return typeof arn === "string" ? arn.slice(arn.lastIndexOf(":") + 1) : "";
}

/** What Lambda called a handler with. */
export interface Delivered {
  readonly records: readonly LambdaRecord[];
  /** One message by its nature: the handler's call is that message's. */
  readonly single: boolean;
}

/**
 * The messages of an event, in its order; undefined for an event of a source that carries no
 * context (S3, DynamoDB, HTTP) and for anything else.
 */
export function deliveredIn(event: unknown): Delivered | undefined {
  if (event === null || typeof event !== "object") return undefined;
  const { Records, records } = event as { Records?: unknown; records?: unknown };
  if (Array.isArray(Records)) return delivered(Records);
  // Kafka's are an object of lists, one for each partition; Powertools' consumer makes one list of them.
  if (records !== null && typeof records === "object") {
    return delivered(Object.values(records).flat());
  }
  if (deliveryOf(event) === undefined) return undefined;
  return { records: [event as LambdaRecord], single: true };
}

/** What an event is, for the words of an error: its source where it tells one, else its fields; never what is in them. */
export function nameOf(event: unknown): string {
  if (event === null || typeof event !== "object") return event === null ? "null" : typeof event;
  const { Records } = event as { Records?: unknown };
  const [first = event] = Array.isArray(Records) ? (Records as unknown[]) : [];
  const { eventSource } = (first ?? {}) as { eventSource?: unknown };
  if (typeof eventSource === "string") return `one of ${eventSource.slice(0, SHOWN)}`;
  const fields = Object.keys(event).slice(0, SHOWN).join(", ");
  return `one with ${fields === "" ? "no field" : `the fields ${fields}`}`;
}

/** How many characters of a source's name, and how many fields' names, an error shows. */
const SHOWN = 40;

function delivered(list: readonly unknown[]): Delivered | undefined {
  const known = list.every(
    (each) => each !== null && typeof each === "object" && deliveryOf(each) !== undefined,
  );
  if (!known || list.length === 0) return undefined;
  const records = list as readonly LambdaRecord[];
  // SNS calls a function with one notification at a time, in a list of one.
  const [first] = records;
  return { records, single: records.length === 1 && first !== undefined && isSns(first) };
}
