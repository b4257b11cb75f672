/**
 * throughline for amqplib: see {@link traced}.
 *
 * @module
 */
import type { Context } from "@opentelemetry/api";
import type { Message, Options as AmqplibOptions } from "amqplib";
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
import { type AnyChannel, tracedChannel } from "./amqplib/channel.ts";
import {
  type AnyConnection,
  isChannel,
  isConnection,
  tracedConnection,
} from "./amqplib/connection.ts";
import { amqplibFormat } from "./amqplib/format.ts";

export * from "../subpath.ts";

const adapter = adapterFor(amqplibFormat);

/**
 * Makes an amqplib client carry trace context: what is published carries it, and each consumer's
 * callback runs inside its message's own. Takes a connection or a channel (confirm channels too) of
 * the promise or the callback API and gives back the same type, working the same; the original is
 * not written to. A client that is traced already is given back as it is.
 *
 * A message's span ends with the promise that the callback returns; where it returns none, when the
 * message is acked, nacked or rejected, or the channel closes.
 *
 * @throws {TypeError} where `client` is none of these, or an option does not take what it got.
 * @example
 * ```ts
 * import { connect } from "amqplib";
 * import { traced } from "throughline/amqplib";
 *
 * export async function pay(url: string, charge: (order: string) => Promise<void>) {
 *   const connection = traced(await connect(url));
 *   const channel = await connection.createChannel();
 *   await channel.consume("orders", async (message) => {
 *     if (message === null) return;
 *     await charge(message.content.toString()); // in the trace of whoever sent it
 *     channel.ack(message);
 *   });
 * }
 * ```
 */
export function traced<Traced extends AnyConnection | AnyChannel>(
  client: Traced,
  options: Options = {},
): Traced {
  if (isChannel(client) || isConnection(client)) {
    const known = tracedBefore(client, options);
    if (known !== undefined) return known;
    const tracing = new Tracing(options);
    return isChannel(client)
      ? tracedChannel(client, tracing)
      : (tracedConnection(client as Traced & AnyConnection, tracing) as Traced);
  }
  throw new TypeError(
    `throughline: traced() takes a connection or a channel of amqplib, got ${client === null ? "null" : typeof client}`,
  );
}

/**
 * Handles one message in its own scope: its context is extracted and active in `handler`, in a
 * process span of its own that ends when the handler settles. What the handler returns or throws
 * is returned or thrown. For messages that come by `channel.get`, and those that an application
 * keeps to handle later; for a message that a traced channel's consumer is already handling, it
 * just calls the handler.
 *
 * @param delivery where the message came from, for one that no traced channel delivered.
 * @example
 * ```ts
 * import type { Channel } from "amqplib";
 * import { processMessage } from "throughline/amqplib";
 *
 * export async function drain(channel: Channel, charge: (order: string) => Promise<void>) {
 *   for (;;) {
 *     const message = await channel.get("orders");
 *     if (message === false) return;
 *     await processMessage(message, async ({ content }) => charge(content.toString()));
 *     channel.ack(message);
 *   }
 * }
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
 * Handles messages together: a prefetch window, a bulk insert, an aggregate. The batch has one
 * process span, the root of a trace of its own, linked to each message's.
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
 * New headers with a context in place of whatever they carried; the headers given are not written to.
 *
 * @param context default: the active one.
 */
export function injectContext(
  headers?: Record<string, unknown> | null,
  context?: Context,
): Record<string, unknown> {
  return adapter.injectContext(headers ?? {}, context);
}

/** The options to publish a dead letter with, its content beside them. */
export interface DeadLetter extends AmqplibOptions.Publish {
  content: Buffer;
  headers: Record<string, unknown>;
}

/**
 * The message to publish in place of one that can't be handled: its content and properties, its
 * headers, what failed and where it came from (`dlq.*`), and the context of the record's own trace.
 * Where to, and sending it, is yours. The span of the attempt becomes an error.
 *
 * A message that is rejected to a dead-letter exchange needs none of this: the broker keeps its
 * headers, and so its trace.
 *
 * @example
 * ```ts
 * import type { Channel, Message } from "amqplib";
 * import { deadLetter } from "throughline/amqplib";
 *
 * export function park(channel: Channel, message: Message, error: unknown) {
 *   const letter = deadLetter(message, error);
 *   channel.sendToQueue("orders.dlq", letter.content, letter);
 *   channel.ack(message);
 * }
 * ```
 */
export function deadLetter(
  message: Message,
  error: unknown,
  options?: DeadLetterOptions,
): DeadLetter {
  return adapter.deadLetter(message, error, options) as DeadLetter;
}

/** What a dead letter tells of its origin, whoever wrote it, RabbitMQ's x-death too; undefined for a message that is none. */
export function deadLetterOf(message: object): DeadLetterOrigin | undefined {
  return adapter.deadLetterOf(message);
}

/**
 * A handler that tries again, each attempt in a process span of its own beside the one before, and
 * then publishes a dead letter. For a consumer's callback, and for processMessage. Acknowledging the
 * message is the handler's own, and the dead letter's.
 *
 * @throws {RangeError} for a number of attempts or a delay that is none.
 * @example
 * ```ts
 * import type { Channel, ConsumeMessage } from "amqplib";
 * import { withRetries } from "throughline/amqplib";
 *
 * export const resilient = (channel: Channel, charge: (m: ConsumeMessage) => Promise<void>) =>
 *   withRetries(
 *     async (message: ConsumeMessage | null) => {
 *       if (message === null) return;
 *       await charge(message);
 *       channel.ack(message);
 *     },
 *     {
 *       attempts: 3,
 *       delay: 200,
 *       deadLetter: (letter, error, message) => {
 *         channel.sendToQueue("orders.dlq", letter.content, letter);
 *         channel.ack(message);
 *       },
 *     },
 *   );
 * ```
 */
export function withRetries<Argument extends object | null, Result>(
  handler: (message: Argument) => Result,
  policy: RetryPolicy<DeadLetter, NonNullable<Argument>> = {},
): (message: Argument) => Promise<Awaited<Result> | undefined> {
  return adapter.withRetries(handler, policy as RetryPolicy, (message) =>
    // A broker that cancels a consumer tells it so, and that is no message.
    message === null ? undefined : { message, heartbeat: undefined },
  );
}
