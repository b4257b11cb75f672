/**
 * throughline for @confluentinc/kafka-javascript 1: see {@link traced}.
 *
 * @module
 */
import type { KafkaJS, RdKafka } from "@confluentinc/kafka-javascript";
import type { Context } from "@opentelemetry/api";
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
import { type Client, tracedClient } from "./confluent/client.ts";
import { librdkafkaFormat } from "./librdkafka/format.ts";
import { toldBy } from "./librdkafka/told.ts";

export * from "../subpath.ts";

const adapter = adapterFor(librdkafkaFormat);

/**
 * Makes a client of either interface carry trace context: producers inject it, and each handler
 * runs inside its message's own. Takes a Kafka, producer or consumer of `KafkaJS`, or a Producer,
 * HighLevelProducer or KafkaConsumer of `RdKafka`, and gives back the same type, working the same;
 * the original is not written to. A client that is traced already is given back as it is.
 *
 * @throws {TypeError} where `client` is none of these, or an option does not take what it got.
 * @example
 * ```ts
 * import type { KafkaJS } from "@confluentinc/kafka-javascript";
 * import { traced } from "throughline/confluent";
 *
 * export async function consumePayments(bare: KafkaJS.Kafka, charge: (m: object) => Promise<void>) {
 *   const kafka = traced(bare);
 *   const consumer = kafka.consumer({ kafkaJS: { groupId: "payments" } });
 *   await consumer.connect();
 *   await consumer.subscribe({ topic: "orders" });
 *   await consumer.run({ eachMessage: async ({ message }) => charge(message) });
 * }
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
    `throughline: traced() takes a Kafka, producer or consumer of KafkaJS, or a Producer, HighLevelProducer or KafkaConsumer of RdKafka, got ${client === null ? "null" : typeof client}`,
  );
}

/**
 * Handles one message in its own scope: its context is extracted and active in `handler`, in a
 * process span of its own that ends when the handler settles. What the handler returns or throws
 * is returned or thrown. Inside eachBatch, and for what consume(n) gives, call it for each message;
 * for a message that a traced consumer is already handling, it just calls the handler.
 *
 * @param delivery where the message came from, for one that no traced consumer delivered and that
 *   does not name its topic.
 * @example
 * ```ts
 * import { processMessage } from "throughline/confluent";
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
  return adapter.processMessage(message, handler, delivery ?? toldBy(message));
}

/**
 * Handles messages together, where no callback delivers a batch: a bulk insert, an aggregate. The
 * batch has one process span, the root of a trace of its own, linked to each message's.
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
 * spans of your own under it.
 */
export function contextOf(message: object): Context {
  return adapter.contextOf(message);
}

/**
 * New headers with a context in place of whatever they carried, in the shape that they came in: an
 * object, or the classic interface's list. The headers given are not written to.
 *
 * @param context default: the active one.
 * @example
 * ```ts
 * import { injectContext } from "throughline/confluent";
 * import assert from "node:assert";
 *
 * assert.equal(injectContext({ tenant: "a" })["tenant"], "a");
 * assert.deepEqual(injectContext([{ tenant: "a" }])[0], { tenant: "a" });
 * ```
 */
export function injectContext(
  headers: RdKafka.MessageHeader[],
  context?: Context,
): RdKafka.MessageHeader[];
export function injectContext(
  headers?: KafkaJS.IHeaders | null,
  context?: Context,
): KafkaJS.IHeaders;
export function injectContext(headers?: object | null, context?: Context): object {
  return adapter.injectContext(headers ?? {}, context);
}

/** A message for a dead-letter topic, as send() of the promised interface takes it. */
export interface DeadLetter {
  key: Buffer | string | null;
  value: Buffer | string | null;
  headers: KafkaJS.IHeaders;
}

/** A message for a dead-letter topic, as the classic interface has it: what to give to produce(). */
export interface ClassicDeadLetter {
  key: Buffer | string | null;
  value: Buffer | null;
  headers: RdKafka.MessageHeader[];
}

/**
 * The message to publish in place of one that can't be handled: same key and value, its headers,
 * what failed and where it came from (`dlq.*`), and the context of the record's own trace. Where
 * to, and sending it, is yours; a classic producer is to be given its `headers` as they are, which
 * is how it knows it. The span of the attempt becomes an error.
 */
export function deadLetter(
  message: RdKafka.Message,
  error: unknown,
  options?: DeadLetterOptions,
): ClassicDeadLetter;
export function deadLetter(
  message: Pick<KafkaJS.KafkaMessage, "key" | "value">,
  error: unknown,
  options?: DeadLetterOptions,
): DeadLetter;
export function deadLetter(message: object, error: unknown, options?: DeadLetterOptions): object {
  return adapter.deadLetter(message, error, options);
}

/** What a dead letter tells of its origin, whoever wrote it; undefined for a message that is none. */
export function deadLetterOf(message: object): DeadLetterOrigin | undefined {
  return adapter.deadLetterOf(message);
}

/** The dead letter of a handler's message. */
type LetterOf<Argument> = Argument extends RdKafka.Message ? ClassicDeadLetter : DeadLetter;

/**
 * A handler that tries again, each attempt in a process span of its own beside the one before, and
 * then publishes a dead letter. For eachMessage, for processMessage inside eachBatch, and for
 * listeners for `data`, which the classic consumer does not wait for.
 *
 * @throws {RangeError} for a number of attempts or a delay that is none.
 * @example
 * ```ts
 * import type { KafkaJS } from "@confluentinc/kafka-javascript";
 * import { withRetries } from "throughline/confluent";
 *
 * export const resilient = (
 *   producer: KafkaJS.Producer,
 *   charge: (payload: KafkaJS.EachMessagePayload) => Promise<void>,
 * ) =>
 *   withRetries(charge, {
 *     attempts: 3,
 *     delay: 200,
 *     deadLetter: (letter) => producer.send({ topic: "orders.dlq", messages: [letter] }),
 *   });
 * ```
 */
export function withRetries<Argument extends object, Result>(
  handler: (argument: Argument) => Result,
  policy: RetryPolicy<LetterOf<Argument>> = {},
): (argument: Argument) => Promise<Awaited<Result> | undefined> {
  return adapter.withRetries(handler, policy as RetryPolicy, attempted);
}

/** A payload of eachMessage, or a message itself. */
function attempted(argument: object): { message: object; heartbeat: (() => unknown) | undefined } {
  const { message, heartbeat } = argument as Partial<KafkaJS.EachMessagePayload>;
  return message === undefined
    ? { message: argument, heartbeat: undefined }
    : { message, heartbeat };
}
