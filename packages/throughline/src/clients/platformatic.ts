/**
 * throughline for @platformatic/kafka 2: see {@link traced}.
 *
 * @module
 */
import type { Context } from "@opentelemetry/api";
import type { Consumer, Message, Producer } from "@platformatic/kafka";
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
import { tracedConsumer } from "./platformatic/consumer.ts";
import { encodingSeen, type Form, textAsBytes } from "./platformatic/encoding.ts";
import { deliveredBy } from "./platformatic/fetches.ts";
import { type Consumed, platformaticFormat } from "./platformatic/format.ts";
import { isInstrumented } from "./platformatic/instrumented.ts";
import { tracedProducer } from "./platformatic/producer.ts";

export type { Form };
export * from "../subpath.ts";

// Whatever the application's serializers take: the classes are invariant in that.
// oxlint-disable-next-line typescript/no-explicit-any
type AnyProducer = Producer<any, any, any, any>;
// oxlint-disable-next-line typescript/no-explicit-any
type AnyConsumer = Consumer<any, any, any, any>;

const adapter = adapterFor(
  platformaticFormat,
  // Every message tells its topic, partition and group; the application's options are the consumer's.
  (message, sources) => deliveredBy(message) ?? told(message, (delivery) => sources.of(delivery)),
);

function told<Known>(
  { topic, partition, metadata }: Consumed,
  known: (delivery: Delivery) => Known,
): Known | undefined {
  if (typeof topic !== "string") return undefined;
  const { groupId } = (metadata?.["consumer"] ?? {}) as { groupId?: string };
  return known({
    system: "kafka",
    destination: topic,
    ...(partition !== undefined && { partition }),
    ...(groupId !== undefined && { group: groupId }),
  });
}

/**
 * Makes a producer or a consumer of @platformatic/kafka carry trace context, and gives back the
 * same type, working the same; the original is not written to. A client that is traced already is
 * given back as it is.
 *
 * A producer injects context into what is sent by promise, by callback, in a transaction, and
 * written to a stream. A consumer's stream calls no handler that could be given a scope: that is
 * {@link processMessage}'s, which then knows the message's group and your options.
 *
 * @throws {TypeError} where `client` is neither, or an option does not take what it got.
 * @example
 * ```ts
 * import { Consumer, Producer, stringDeserializers, stringSerializers } from "@platformatic/kafka";
 * import { processMessage, traced } from "throughline/platformatic";
 *
 * const bootstrapBrokers = ["127.0.0.1:9092"];
 * const producer = traced(new Producer({ clientId: "shop", bootstrapBrokers, serializers: stringSerializers }));
 * const consumer = traced(
 *   new Consumer({ clientId: "payments", groupId: "payments", bootstrapBrokers, deserializers: stringDeserializers }),
 * );
 *
 * export async function run(charge: (order: string) => Promise<void>) {
 *   for await (const message of await consumer.consume({ topics: ["orders"] })) {
 *     await processMessage(message, ({ value }) => charge(value)); // in the producer's trace
 *   }
 * }
 * await producer.close();
 * await consumer.close();
 * ```
 */
export function traced<Traced extends AnyProducer | AnyConsumer>(
  client: Traced,
  options: Options = {},
): Traced {
  if (client !== null && typeof client === "object") {
    const known = tracedBefore(client, options);
    if (known !== undefined) return known;
    const { clientId } = client;
    const tracing = new Tracing({ ...(clientId !== undefined && { clientId }), ...options });
    if ("consume" in client) return tracedConsumer(client, tracing) as Traced;
    if ("asStream" in client) {
      return isInstrumented() ? client : tracedProducer(client, tracing);
    }
  }
  throw new TypeError(
    `throughline: traced() takes a Producer or a Consumer of @platformatic/kafka, got ${client === null ? "null" : typeof client}`,
  );
}

/**
 * Handles one message in its own scope: its context is extracted and active in `handler`, in a
 * process span of its own that ends when the handler settles. What the handler returns or throws
 * is returned or thrown. Commit inside it or after it, as you would without.
 *
 * @param delivery where the message came from, for one that does not tell its topic.
 */
export function processMessage<Message extends object, Result>(
  message: Message,
  handler: (message: Message) => Result,
  delivery?: Delivery,
): Result {
  return adapter.processMessage(message, handler, delivery);
}

/**
 * Handles messages together that were read one by one: a bulk insert, an aggregate. The batch has
 * one process span, the root of a trace of its own, linked to each message's; processMessage inside
 * it gives a message its own.
 */
export function processBatch<Message extends object, Result>(
  messages: readonly Message[],
  handler: (messages: readonly Message[]) => Result,
  delivery?: Delivery,
): Result {
  return adapter.processBatch(messages, handler, delivery);
}

/** The context that a message carries, to start spans of your own under it. */
export function contextOf(message: object): Context {
  return adapter.contextOf(message);
}

/**
 * New headers, a Map or an object as they came in, with a context in place of whatever they carried;
 * the headers given are not written to.
 *
 * @param context default: the active one.
 * @param form what your header serializers take. Default: what the headers there are written in;
 *   where there is none, bytes, which is the client's own default.
 * @example
 * ```ts
 * import { propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
 * import { injectContext } from "throughline/platformatic";
 * import { w3cPropagator } from "throughline";
 * import assert from "node:assert";
 *
 * propagation.setGlobalPropagator(w3cPropagator());
 * const context = trace.setSpanContext(ROOT_CONTEXT, {
 *   traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
 *   spanId: "00f067aa0ba902b7",
 *   traceFlags: 1,
 * });
 * const headers = injectContext(new Map([["tenant", "a"]]), context);
 * assert.equal(headers.get("traceparent"), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
 * ```
 */
export function injectContext<Headers extends object>(
  headers: Headers,
  context?: Context,
  form?: Form,
): Headers {
  const { name = form ?? "bytes", value = form ?? "bytes" } = encodingSeen(headers);
  const injected = adapter.injectContext(headers, context) as object;
  return textAsBytes(injected, { name, value }, headers instanceof Map) as Headers;
}

/** A message for a dead-letter topic, but for the topic. */
export interface DeadLetter<
  Key = Buffer,
  Value = Buffer,
  HeaderKey = Buffer,
  HeaderValue = Buffer,
> {
  key: Key;
  value: Value;
  headers: Map<HeaderKey, HeaderValue>;
}

/**
 * The message to publish in place of one that can't be handled: same key and value, its headers,
 * what failed and where it came from (`dlq.*`), and the context of the record's own trace. Add the
 * topic, and send it: `producer.send({ messages: [{ ...letter, topic: "orders.dlq" }] })`. The span
 * of the attempt becomes an error.
 */
export function deadLetter<Key, Value, HeaderKey, HeaderValue>(
  message: Message<Key, Value, HeaderKey, HeaderValue>,
  error: unknown,
  options?: DeadLetterOptions,
): DeadLetter<Key, Value, HeaderKey, HeaderValue> {
  return adapter.deadLetter(message, error, options) as DeadLetter<
    Key,
    Value,
    HeaderKey,
    HeaderValue
  >;
}

/** What a dead letter tells of its origin, whoever wrote it; undefined for a message that is none. */
export function deadLetterOf(message: object): DeadLetterOrigin | undefined {
  return adapter.deadLetterOf(message);
}

/**
 * A handler that tries again, each attempt in a process span of its own beside the one before, and
 * then publishes a dead letter. Call it with each message of a stream. The client sends its
 * heartbeats by itself meanwhile.
 *
 * @throws {RangeError} for a number of attempts or a delay that is none.
 * @example
 * ```ts
 * import type { MessagesStream, Producer } from "@platformatic/kafka";
 * import { withRetries } from "throughline/platformatic";
 *
 * export async function run(
 *   stream: MessagesStream<string, string, string, string>,
 *   producer: Producer<string, string, string, string>,
 *   charge: (message: { value: string }) => Promise<void>,
 * ) {
 *   const resilient = withRetries(charge, {
 *     attempts: 3,
 *     delay: 200,
 *     deadLetter: (letter) => producer.send({ messages: [{ ...letter, topic: "orders.dlq" }] }),
 *   });
 *   for await (const message of stream) await resilient(message);
 * }
 * ```
 */
export function withRetries<Handled extends object, Result>(
  handler: (message: Handled) => Result,
  policy: RetryPolicy<DeadLetter<never, never, never, never>> = {},
): (message: Handled) => Promise<Awaited<Result> | undefined> {
  return adapter.withRetries(handler, policy as RetryPolicy, (message) => ({
    message,
    heartbeat: undefined,
  }));
}
