/**
 * throughline for sqs-consumer 15: see {@link traced}.
 *
 * @module
 */
import type { ConsumerOptions } from "sqs-consumer";
import type { Options, RetryPolicy } from "../subpath.ts";
import { Tracing } from "../tracing.ts";
import { type DeadLetter, retrying } from "./aws/received.ts";
import { tracedOptions } from "./sqs-consumer/options.ts";

export {
  contextOf,
  type DeadLetter,
  deadLetter,
  deadLetterOf,
  injectContext,
  links,
  type MessageAttributes,
  processBatch,
  processMessage,
} from "./aws/received.ts";
export * from "../subpath.ts";

/**
 * Makes the handlers of an sqs-consumer run in the context of their message: handleMessage in its
 * process span, handleMessageBatch in one of the batch. Takes the options that Consumer.create
 * takes, and gives back the same; those given are not written to. A consumer that is made already
 * keeps its handlers to itself: wrap its options.
 *
 * The attributes that carry context are asked for beside `messageAttributeNames`.
 *
 * @throws {TypeError} where `options` are none, or an option of ours does not take what it got.
 * @example
 * ```ts
 * import type { Message } from "@aws-sdk/client-sqs";
 * import { Consumer } from "sqs-consumer";
 * import { traced } from "throughline/sqs-consumer";
 *
 * export const consumer = Consumer.create(
 *   traced({
 *     queueUrl: "https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
 *     handleMessage: async (message: Message) => message,
 *   }),
 * );
 * ```
 */
export function traced<Given extends ConsumerOptions>(options: Given, ours: Options = {}): Given {
  const given: unknown = options;
  if (given === null || typeof given !== "object") refuse(given === null ? "null" : typeof given);
  if (typeof Reflect.get(given, "updateOption") === "function") {
    refuse("a Consumer that is made already: wrap the options that it is made with");
  }
  if (typeof options.queueUrl !== "string") refuse("an object without a queueUrl");
  return tracedOptions(options, new Tracing(ours));
}

function refuse(got: string): never {
  throw new TypeError(
    `throughline: traced() takes the options of sqs-consumer's Consumer, got ${got}`,
  );
}

/**
 * A handleMessage that tries again, each attempt in a process span of its own beside the one before,
 * and then sends a dead letter. It then gives the message back, which has the consumer delete it; of
 * a message that is handled it gives what `handler` gives, and sqs-consumer deletes what is given
 * back and keeps the rest. It does not extend the queue's visibility timeout.
 *
 * @throws {RangeError} for a number of attempts or a delay that is none.
 * @example
 * ```ts
 * import { type Message, SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
 * import { withRetries } from "throughline/sqs-consumer";
 *
 * export const handler = (sqs: SQSClient, QueueUrl: string, charge: (m: Message) => Promise<Message>) =>
 *   withRetries(charge, {
 *     attempts: 3,
 *     deadLetter: (letter) => sqs.send(new SendMessageCommand({ QueueUrl, ...letter })),
 *   });
 * ```
 */
export function withRetries<Received extends object, Result>(
  handler: (message: Received) => Result,
  policy: RetryPolicy<DeadLetter> = {},
): (message: Received) => Promise<Awaited<Result> | Received | undefined> {
  return retrying<Received, Result>(handler, policy, (message) => message);
}
