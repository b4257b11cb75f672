// What is done with received messages, and with messages to send by a client that is not traced: the
// functions that every subpath for SQS exports.

import type { Context } from "@opentelemetry/api";
import type { Message, MessageAttributeValue } from "@aws-sdk/client-sqs";
import { adapterFor } from "../../adapter.ts";
import type { DeadLetterOptions } from "../../dead-letter.ts";
import type { DeadLetterOrigin } from "../../dead-letter-origin.ts";
import type { Delivery } from "../../message.ts";
import type { RetryPolicy } from "../../retry.ts";
import { areAttributes, headersOf } from "./attributes.ts";
import { attributesOf, redrivenFrom, sqsFormat } from "./message.ts";
import { knownWhenSpread, linksWhenSpread } from "./spread.ts";

/** Message attributes by name, as the SDK has them. */
export type MessageAttributes = Record<string, MessageAttributeValue>;

const adapter = adapterFor(sqsFormat);

/**
 * Handles one received message in its own scope: its context is extracted and active in `handler`,
 * in a process span of its own that ends when the handler settles. What the handler returns or
 * throws is returned or thrown. The message that is already being handled gets no second span.
 *
 * Context in the body is found too: SNS puts it there where raw delivery is off, EventBridge in an
 * event's detail.
 *
 * @param delivery where the message came from, for one that no traced client received.
 * @example
 * ```ts
 * import { processMessage } from "throughline/sqs";
 * import assert from "node:assert";
 *
 * const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
 * const message = {
 *   Body: "42",
 *   MessageAttributes: { traceparent: { DataType: "String", StringValue: traceparent } },
 * };
 * const doubled = processMessage(message, ({ Body }) => Number(Body) * 2, {
 *   system: "aws_sqs",
 *   destination: "numbers",
 * });
 * assert.equal(doubled, 84);
 * ```
 */
export function processMessage<Received extends object, Result>(
  message: Received,
  handler: (message: Received) => Result,
  delivery?: Delivery,
): Result {
  return adapter.processMessage(message, handler, delivery);
}

/**
 * Handles what one receive gave together. The batch has one process span, the root of a trace of
 * its own, linked to each message's; processMessage inside it gives each its own.
 *
 * @example
 * ```ts
 * import { type Message, ReceiveMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
 * import { processBatch, processMessage } from "throughline/sqs";
 *
 * export async function poll(sqs: SQSClient, QueueUrl: string, charge: (m: Message) => Promise<void>) {
 *   const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
 *   await processBatch(Messages, async () => {
 *     for (const message of Messages) await processMessage(message, charge);
 *   });
 * }
 * ```
 */
export function processBatch<Received extends object, Result>(
  messages: readonly Received[],
  handler: (messages: readonly Received[]) => Result,
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
 * New message attributes with a context in place of whatever they carried, and as much of it as ten
 * attributes leave room for; the attributes given are not written to. For clients that are not
 * traced.
 *
 * @param context default: the active one.
 */
export function injectContext(
  attributes?: MessageAttributes | null,
  context?: Context,
): MessageAttributes {
  const given = areAttributes(attributes) ? headersOf(attributes) : undefined;
  const changed = adapter.injectContext(given ?? {}, context);
  return attributesOf(changed, given, attributes) as MessageAttributes;
}

/**
 * Says that a message to send was made from several received ones: the span that sends it links to
 * each of theirs. Gives `message` itself back, which is not written to. Known too when it is spread
 * into the input of a command, where it has MessageAttributes (`{}` will do).
 *
 * @param message a command's input, an entry of a batch, or what is spread into one.
 * @param from the received messages, at most 128 of which are linked.
 */
export function links<Sent extends object>(message: Sent, from: Iterable<object>): Sent {
  return linksWhenSpread(message, from);
}

/** A message for a dead-letter queue, to be spread into a command's input or a batch's entry. */
export interface DeadLetter {
  MessageBody: string;
  MessageAttributes: MessageAttributes;
}

/**
 * The message to send in place of one that can't be handled: same body and attributes, one
 * attribute `dlq` that says as JSON what failed and where it came from, and the context of the
 * record's own trace. Where to, and sending it, is yours. The span of the attempt becomes an error.
 *
 * @example
 * ```ts
 * import { type Message, SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
 * import { deadLetter } from "throughline/sqs";
 *
 * export const park = (sqs: SQSClient, QueueUrl: string, message: Message, error: unknown) =>
 *   sqs.send(new SendMessageCommand({ QueueUrl, ...deadLetter(message, error) }));
 * ```
 */
export function deadLetter(
  message: Pick<Message, "Body" | "MessageAttributes">,
  error: unknown,
  options?: DeadLetterOptions,
): DeadLetter {
  return knownWhenSpread(adapter.deadLetter(message, error, options) as DeadLetter);
}

/**
 * What a dead letter tells of its origin, whoever wrote it; undefined for a message that is none. Of
 * one that the queue's own redrive policy moved it tells the queue, where the message was received
 * with its system attributes (`MessageSystemAttributeNames: ["All"]`).
 */
export function deadLetterOf(message: object): DeadLetterOrigin | undefined {
  return adapter.deadLetterOf(message) ?? redrivenFrom(message);
}

/**
 * A handler that tries again, each attempt in a process span of its own beside the one before, and
 * then sends a dead letter. Waits no longer than the queue's visibility timeout allows are yours to
 * choose: it does not extend it.
 *
 * @throws {RangeError} for a number of attempts or a delay that is none.
 */
export function withRetries<Received extends object, Result>(
  handler: (message: Received) => Result,
  policy: RetryPolicy<DeadLetter> = {},
): (message: Received) => Promise<Awaited<Result> | undefined> {
  return retrying(handler, policy, () => undefined);
}

/** The same for a client that takes what `parked` gives for the settlement of a parked message. */
export function retrying<Received extends object, Result>(
  handler: (message: Received) => Result,
  policy: RetryPolicy<DeadLetter>,
  parked: (message: Received) => unknown,
): (message: Received) => Promise<Awaited<Result> | undefined> {
  const { deadLetter: send } = policy;
  const known: RetryPolicy<DeadLetter> =
    send === undefined
      ? policy
      : {
          ...policy,
          deadLetter: (letter, error, message) => send(knownWhenSpread(letter), error, message),
        };
  return adapter.withRetries(handler, known as RetryPolicy, (message) => ({
    message,
    heartbeat: undefined,
    parked: parked(message),
  }));
}
