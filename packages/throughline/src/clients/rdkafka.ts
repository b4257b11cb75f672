/**
 * throughline for node-rdkafka 3: see {@link traced}.
 *
 * @module
 */
import type { Context } from "@opentelemetry/api";
import type {
  HighLevelProducer,
  KafkaConsumer,
  Message,
  MessageHeader,
  Producer,
} from "node-rdkafka";
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
import { tracedClassic } from "./librdkafka/classic.ts";
import { librdkafkaFormat } from "./librdkafka/format.ts";
import { toldBy } from "./librdkafka/told.ts";

export * from "../subpath.ts";

type Client = Producer | HighLevelProducer | KafkaConsumer;

const adapter = adapterFor(librdkafkaFormat);

/**
 * Makes a node-rdkafka client carry trace context: producers inject it, and each listener for
 * `data` runs inside its message's own, as do the callbacks of consume(). Takes a Producer, a
 * HighLevelProducer or a KafkaConsumer and gives back the same type, working the same; the
 * original is not written to. Listeners that were added before are not traced.
 *
 * @throws {TypeError} where `client` is none of these, or an option does not take what it got.
 * @example
 * ```ts
 * import type { KafkaConsumer, Message } from "node-rdkafka";
 * import { traced } from "throughline/rdkafka";
 *
 * export function consumePayments(bare: KafkaConsumer, charge: (m: Message) => Promise<void>) {
 *   const consumer = traced(bare);
 *   consumer.on("data", (message) => charge(message)); // in the producer's trace
 *   consumer.consume();
 * }
 * ```
 */
export function traced<Traced extends Client>(client: Traced, options: Options = {}): Traced {
  if (client !== null && typeof client === "object") {
    const known = tracedBefore(client, options);
    if (known !== undefined) return known;
    const made = tracedClassic(client, new Tracing(options), takesAny);
    if (made !== undefined) return made;
  }
  throw new TypeError(
    `throughline: traced() takes a Producer, HighLevelProducer or KafkaConsumer of node-rdkafka, got ${client === null ? "null" : typeof client}`,
  );
}

/** Whatever a header's value is, the client sends its text. */
const takesAny = (): boolean => true;

/**
 * Handles one message in its own scope: its context is extracted and active in `handler`, in a
 * process span of its own that ends when the handler settles. What the handler returns or throws
 * is returned or thrown. Call it for each message that consume(n) gives, and for those of a read
 * stream; for a message that a traced consumer is already handling, it just calls the handler.
 *
 * @param delivery where the message came from, where the message itself does not say it.
 * @example
 * ```ts
 * import { processMessage } from "throughline/rdkafka";
 * import assert from "node:assert";
 *
 * const message = { topic: "numbers", partition: 0, offset: 7, value: Buffer.from("42") };
 * const doubled = await processMessage(message, async ({ value }) => Number(value) * 2);
 * assert.equal(doubled, 84);
 * ```
 */
export function processMessage<Handled extends object, Result>(
  message: Handled,
  handler: (message: Handled) => Result,
  delivery?: Delivery,
): Result {
  return adapter.processMessage(message, handler, delivery ?? toldBy(message));
}

/**
 * Handles messages together, where no callback delivers a batch: a bulk insert, an aggregate. The
 * batch has one process span, the root of a trace of its own, linked to each message's.
 */
export function processBatch<Handled extends object, Result>(
  messages: readonly Handled[],
  handler: (messages: readonly Handled[]) => Result,
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
 * New headers with a context in place of whatever they carried; the list given is not written to.
 *
 * @param context default: the active one.
 * @example
 * ```ts
 * import { injectContext } from "throughline/rdkafka";
 * import assert from "node:assert";
 *
 * assert.deepEqual(injectContext([{ tenant: "a" }])[0], { tenant: "a" });
 * ```
 */
export function injectContext(
  headers?: MessageHeader[] | null,
  context?: Context,
): MessageHeader[] {
  return adapter.injectContext(headers ?? [], context);
}

/** A message for a dead-letter topic: what to give to produce(). */
export interface DeadLetter {
  key: Buffer | string | null;
  value: Buffer | null;
  headers: MessageHeader[];
}

/**
 * The message to publish in place of one that can't be handled: same key and value, its headers,
 * what failed and where it came from (`dlq.*`), and the context of the record's own trace. Where
 * to, and sending it, is yours: give produce() its `headers` as they are, which is how a traced
 * producer knows it. The span of the attempt becomes an error.
 *
 * @example
 * ```ts
 * import type { Message, Producer } from "node-rdkafka";
 * import { deadLetter } from "throughline/rdkafka";
 *
 * export function park(producer: Producer, message: Message, error: Error): void {
 *   const { key, value, headers } = deadLetter(message, error);
 *   producer.produce("orders.dlq", null, value, key, null, undefined, headers);
 * }
 * ```
 */
export function deadLetter(
  message: Pick<Message, "key" | "value">,
  error: unknown,
  options?: DeadLetterOptions,
): DeadLetter {
  return adapter.deadLetter(message, error, options) as DeadLetter;
}

/** What a dead letter tells of its origin, whoever wrote it; undefined for a message that is none. */
export function deadLetterOf(message: object): DeadLetterOrigin | undefined {
  return adapter.deadLetterOf(message);
}

/**
 * A handler that tries again, each attempt in a process span of its own beside the one before, and
 * then publishes a dead letter. For listeners for `data`, and for processMessage. A classic
 * consumer does not wait for its listeners: other messages are handled meanwhile.
 *
 * @throws {RangeError} for a number of attempts or a delay that is none.
 * @example
 * ```ts
 * import type { KafkaConsumer, Message, Producer } from "node-rdkafka";
 * import { withRetries } from "throughline/rdkafka";
 *
 * export function consume(
 *   consumer: KafkaConsumer,
 *   producer: Producer,
 *   charge: (message: Message) => Promise<void>,
 * ): void {
 *   const resilient = withRetries(charge, {
 *     attempts: 3,
 *     delay: 200,
 *     deadLetter: ({ key, value, headers }) =>
 *       producer.produce("orders.dlq", null, value, key, null, undefined, headers),
 *   });
 *   consumer.on("data", resilient);
 * }
 * ```
 */
export function withRetries<Handled extends object, Result>(
  handler: (message: Handled) => Result,
  policy: RetryPolicy<DeadLetter> = {},
): (message: Handled) => Promise<Awaited<Result> | undefined> {
  return adapter.withRetries(handler, policy as RetryPolicy, (message) => ({
    message,
    heartbeat: undefined,
  }));
}
