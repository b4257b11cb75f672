/**
 * throughline for kafkajs 2: see {@link traced}.
 *
 * @module
 */
import type { Context } from "@opentelemetry/api";
import type { EachMessagePayload, IHeaders, KafkaMessage } from "kafkajs";
import { adapterFor } from "../adapter.ts";
import type {
  DeadLetterOptions,
  DeadLetterOrigin,
  Delivery,
  Options,
  RetryPolicy,
} from "../subpath.ts";
import { Tracing } from "../tracing.ts";
import { tracedBefore } from "../wrap.ts";
import { type Client, tracedClient } from "./kafkajs/client.ts";
import { kafkajsFormat } from "./kafkajs/format.ts";

export * from "../subpath.ts";

const adapter = adapterFor(kafkajsFormat);

/**
 * Makes a kafkajs client carry trace context: producers inject it, and each handler runs inside
 * its message's own. Takes a Kafka, a producer, a consumer or a transaction and gives back the
 * same type, working the same; the original is not written to. A client that is traced already is
 * given back as it is.
 *
 * @throws {TypeError} where `client` is none of these, or an option does not take what it got.
 * @example
 * ```ts
 * import { Kafka } from "kafkajs";
 * import { traced } from "throughline/kafkajs";
 *
 * const kafka = traced(new Kafka({ brokers: ["127.0.0.1:9092"] }));
 * const consumer = kafka.consumer({ groupId: "payments" });
 * const producer = kafka.producer();
 * ```
 */
export function traced<Traced extends Client>(client: Traced, options: Options = {}): Traced {
  if (client !== null && typeof client === "object") {
    const known = tracedBefore(client, options);
    if (known !== undefined) return known;
    const made = tracedClient(client, new Tracing(options));
    if (made !== undefined) return made;
  }
  throw new TypeError(
    `throughline: traced() takes a Kafka, producer, consumer or transaction of kafkajs, got ${client === null ? "null" : typeof client}`,
  );
}

/**
 * Handles one message in its own scope: its context is extracted and active in `handler`, in a
 * process span of its own that ends when the handler settles. What the handler returns or throws
 * is returned or thrown. Inside eachBatch, call it for each message; for a message that a traced
 * consumer is already handling, it just calls the handler.
 *
 * @param delivery where the message came from, for one that no traced consumer delivered.
 * @throws {TypeError} where `handler` is no function; else whatever the handler throws.
 * @example
 * ```ts
 * import { processMessage } from "throughline/kafkajs";
 * import assert from "node:assert";
 *
 * const message = { key: null, value: Buffer.from("42"), headers: {} };
 * const doubled = await processMessage(message, async ({ value }) => Number(value) * 2, {
 *   system: "kafka",
 *   destination: "numbers",
 * });
 * assert.equal(doubled, 84);
 * ```
 */
export function processMessage<Message extends object, Result>(
  message: Message,
  handler: (message: Message) => Result,
  delivery?: Delivery,
): Result {
  return adapter.processMessage(message, handler, delivery);
}

/**
 * Handles messages together, where no callback delivers a batch: a bulk insert, an aggregate. The
 * batch has one process span, the root of a trace of its own, linked to each message's (128 at
 * most), which ends when the handler settles. What the handler returns or throws is returned or thrown.
 *
 * @param delivery where the messages came from, for those that no traced consumer delivered.
 * @throws {TypeError} where `handler` is no function; else whatever the handler throws.
 * @example
 * ```ts
 * import type { EachMessagePayload, KafkaMessage } from "kafkajs";
 * import { processBatch } from "throughline/kafkajs";
 *
 * const waiting: KafkaMessage[] = [];
 * export async function eachMessage({ message }: EachMessagePayload): Promise<void> {
 *   if (waiting.push(message) < 100) return;
 *   await processBatch(waiting.splice(0), async (messages) => insert(messages));
 * }
 * declare function insert(rows: readonly KafkaMessage[]): Promise<void>;
 * ```
 */
export function processBatch<Message extends object, Result>(
  messages: readonly Message[],
  handler: (messages: readonly Message[]) => Result,
  delivery?: Delivery,
): Result {
  return adapter.processBatch(messages, handler, delivery);
}

/**
 * The context that a message carries, over the active one without its span and baggage: to start
 * spans of your own under it. Without a span where the message carries none, or a malformed one.
 *
 * @example
 * ```ts
 * import { propagation, trace } from "@opentelemetry/api";
 * import { contextOf } from "throughline/kafkajs";
 * import { w3cPropagator } from "throughline";
 * import assert from "node:assert";
 *
 * propagation.setGlobalPropagator(w3cPropagator());
 * const traceparent = Buffer.from("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
 * const context = contextOf({ value: null, headers: { traceparent } });
 * assert.equal(trace.getSpanContext(context)?.traceId, "4bf92f3577b34da6a3ce929d0e0e4736");
 * ```
 */
export function contextOf(message: object): Context {
  return adapter.contextOf(message);
}

/**
 * New headers with a context in place of whatever they carried, in the shape that they came in;
 * the headers given are not written to. A traced producer does this by itself.
 *
 * @param headers default: none.
 * @param context default: the active one.
 * @example
 * ```ts
 * import { propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
 * import { injectContext } from "throughline/kafkajs";
 * import { w3cPropagator } from "throughline";
 * import assert from "node:assert";
 *
 * propagation.setGlobalPropagator(w3cPropagator());
 * const context = trace.setSpanContext(ROOT_CONTEXT, {
 *   traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
 *   spanId: "00f067aa0ba902b7",
 *   traceFlags: 1,
 * });
 * assert.deepEqual(injectContext({ tenant: "a", traceparent: "stale" }, context), {
 *   tenant: "a",
 *   traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
 * });
 * ```
 */
export function injectContext(headers?: IHeaders | null, context?: Context): IHeaders {
  return adapter.injectContext(headers ?? {}, context);
}

/** A message for a dead-letter topic, as kafkajs's send takes it. */
export interface DeadLetter {
  key: Buffer | string | null;
  value: Buffer | string | null;
  headers: IHeaders;
}

/**
 * The message to publish in place of one that can't be handled: same key and value, its headers,
 * what failed and where it came from (`dlq.*`), and the context of the record's own trace. Where
 * to, and sending it, is yours. The span of the attempt becomes an error.
 *
 * @throws {TypeError} where `message` is no object.
 * @example
 * ```ts
 * import { deadLetter, deadLetterOf } from "throughline/kafkajs";
 * import assert from "node:assert";
 *
 * const message = { key: Buffer.from("7"), value: Buffer.from("42"), offset: "11" };
 * const letter = deadLetter(message, new RangeError("no such card"), { attempts: 3 });
 * assert.equal(letter.value, message.value);
 * assert.deepEqual(deadLetterOf(letter), {
 *   convention: "throughline",
 *   offset: "11",
 *   errorType: "RangeError",
 *   errorMessage: "no such card",
 *   attempts: 3,
 * });
 * ```
 */
export function deadLetter(
  message: Pick<KafkaMessage, "key" | "value">,
  error: unknown,
  options?: DeadLetterOptions,
): DeadLetter {
  return adapter.deadLetter(message, error, options) as DeadLetter;
}

/**
 * What a dead letter tells of its origin, whoever wrote it: this library, spring-kafka, Kafka
 * Connect. Undefined for a message that is none. Never throws.
 *
 * @example
 * ```ts
 * import { deadLetterOf } from "throughline/kafkajs";
 * import assert from "node:assert";
 *
 * const headers = { "kafka_dlt-original-topic": Buffer.from("orders") };
 * assert.deepEqual(deadLetterOf({ value: null, headers }), {
 *   convention: "spring-kafka",
 *   destination: "orders",
 * });
 * assert.equal(deadLetterOf({ value: null, headers: {} }), undefined);
 * ```
 */
export function deadLetterOf(message: object): DeadLetterOrigin | undefined {
  return adapter.deadLetterOf(message);
}

/**
 * A handler that tries again, each attempt in a process span of its own beside the one before, and
 * then publishes a dead letter. Sends heartbeats while it waits. For eachMessage, and for
 * processMessage inside eachBatch.
 *
 * @throws {TypeError} where `handler` is no function, or the policy has a name that there is not,
 *   or a `retryOn` or `deadLetter` that is none.
 * @throws {RangeError} for a number of attempts or a delay that is none.
 * @example
 * ```ts
 * import type { EachMessagePayload, Producer } from "kafkajs";
 * import { withRetries } from "throughline/kafkajs";
 *
 * export const resilient = (producer: Producer, charge: (p: EachMessagePayload) => Promise<void>) =>
 *   withRetries(charge, {
 *     attempts: 3,
 *     delay: 200,
 *     deadLetter: (letter) => producer.send({ topic: "orders.dlq", messages: [letter] }),
 *   });
 * ```
 */
export function withRetries<Argument extends object, Result>(
  handler: (argument: Argument) => Result,
  policy: RetryPolicy<DeadLetter> = {},
): (argument: Argument) => Promise<Awaited<Result> | undefined> {
  return adapter.withRetries(handler, policy as RetryPolicy, attempted);
}

/** A payload of eachMessage, or a message itself. */
function attempted(argument: object): { message: object; heartbeat: (() => unknown) | undefined } {
  const { message, heartbeat } = argument as Partial<EachMessagePayload>;
  return message === undefined
    ? { message: argument, heartbeat: undefined }
    : { message, heartbeat };
}
