import { eachHeader, type HeaderPair, type Headers, nameText, valueText } from "./carrier.ts";
import { DLQ, headerText, isDeadLetterHeader } from "./dead-letter-headers.ts";

/** What a dead letter tells of the message it stands for; whatever its writer left out is absent. */
export interface DeadLetterOrigin {
  /** Who wrote it: this library in any language, spring-kafka, Kafka Connect, RabbitMQ, or SQS. */
  readonly convention: "throughline" | "spring-kafka" | "kafka-connect" | "rabbitmq" | "sqs";
  readonly destination?: string;
  readonly partition?: string;
  /** In decimal: an offset may be larger than a number holds. */
  readonly offset?: string;
  readonly timestampMs?: number;
  readonly group?: string;
  readonly errorType?: string;
  readonly errorMessage?: string;
  readonly attempts?: number;
  /** traceparent of the failed attempt's span. */
  readonly failed?: string;
}

/** Reads a dead letter's headers, whoever wrote them; undefined where they are no dead letter's. Never throws. */
export function readDeadLetter(headers: Headers): DeadLetterOrigin | undefined {
  const pairs: HeaderPair[] = [];
  eachHeader(headers, (name, value) => pairs.push([name, value]));
  return ours(pairs) ?? spring(pairs) ?? connect(pairs) ?? rabbit(pairs);
}

type Facts = { [Name in keyof DeadLetterOrigin]: DeadLetterOrigin[Name] | undefined };

function found(facts: Facts & Pick<DeadLetterOrigin, "convention">): DeadLetterOrigin {
  return Object.fromEntries(
    Object.entries(facts).filter(([, value]) => value !== undefined),
  ) as unknown as DeadLetterOrigin;
}

function ours(pairs: readonly HeaderPair[]): DeadLetterOrigin | undefined {
  const text = (name: string): string | undefined => headerText(pairs, name);
  if (!pairs.some(([name]) => isDeadLetterHeader(nameText(name)))) return undefined;
  return found({
    convention: "throughline",
    destination: text(DLQ.destination),
    partition: text(DLQ.partition),
    offset: text(DLQ.offset),
    timestampMs: whole(text(DLQ.timestamp)),
    group: text(DLQ.group),
    errorType: text(DLQ.errorType),
    errorMessage: text(DLQ.errorMessage),
    attempts: whole(text(DLQ.attempts)),
    failed: text(DLQ.failed),
  });
}

/**
 * spring-kafka writes numbers as big-endian bytes: 4 for a partition, 8 for offset and timestamp.
 * Each hop appends where it took the record from: the first is the origin.
 */
function spring(pairs: readonly HeaderPair[]): DeadLetterOrigin | undefined {
  const text = (name: string): string | undefined => headerText(pairs, `kafka_dlt-${name}`);
  const original = (name: string): unknown => {
    const value = pairs.find(([each]) => nameText(each) === `kafka_dlt-original-${name}`)?.[1];
    return Array.isArray(value) ? (value as unknown[])[0] : value;
  };
  const destination = valueText(original("topic"));
  if (destination === undefined) return undefined;
  return found({
    convention: "spring-kafka",
    destination,
    partition: bigEndian(original("partition")),
    offset: bigEndian(original("offset")),
    timestampMs: whole(bigEndian(original("timestamp"))),
    group: valueText(original("consumer-group")),
    errorType: text("exception-cause-fqcn") ?? text("exception-fqcn"),
    errorMessage: text("exception-message"),
  });
}

function connect(pairs: readonly HeaderPair[]): DeadLetterOrigin | undefined {
  const text = (name: string): string | undefined => headerText(pairs, `__connect.errors.${name}`);
  if (text("topic") === undefined) return undefined;
  return found({
    convention: "kafka-connect",
    destination: text("topic"),
    partition: text("partition"),
    offset: text("offset"),
    group: text("connector.name"),
    errorType: text("exception.class.name"),
    errorMessage: text("exception.message"),
  });
}

/**
 * x-death is a list of tables, one for each queue and reason, and the one that counted last comes
 * first: a message that goes round through a retry queue has its origin's in front again.
 */
function rabbit(pairs: readonly HeaderPair[]): DeadLetterOrigin | undefined {
  const deaths: unknown = pairs.find(([name]) => name === "x-death")?.[1];
  if (!Array.isArray(deaths)) return undefined;
  const tables = deaths.filter(
    (table): table is Record<string, unknown> => table !== null && typeof table === "object",
  );
  if (tables.length === 0) return undefined;
  const destination =
    headerText(pairs, "x-first-death-queue") ?? valueText(tables.at(-1)?.["queue"]);
  const counts = tables
    .filter(({ queue }) => valueText(queue) === destination)
    .map(({ count }) => count)
    .filter((count) => typeof count === "number");
  return found({
    convention: "rabbitmq",
    destination,
    errorType: valueText(tables[0]?.["reason"]),
    attempts: counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0),
  });
}

function bigEndian(value: unknown): string | undefined {
  if (!ArrayBuffer.isView(value)) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (view.byteLength === 4) return String(view.getInt32(0));
  if (view.byteLength === 8) return String(view.getBigInt64(0));
  return undefined;
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}
