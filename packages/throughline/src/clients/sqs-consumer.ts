/**
 * throughline for sqs-consumer 15: see {@link traced}.
 *
 * @module
 */
import type { ConsumerOptions } from "sqs-consumer";
import type { Options } from "../subpath.ts";
import { Tracing } from "../tracing.ts";
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
  withRetries,
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
