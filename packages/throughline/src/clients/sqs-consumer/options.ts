import type { Message } from "@aws-sdk/client-sqs";
import type { ConsumerOptions } from "sqs-consumer";
import { batchDelivered, deliverUnopened, processDelivered } from "../../deliver.ts";
import { opensOwnScopes } from "../../retry.ts";
import { Call } from "../../run.ts";
import type { Source } from "../../source.ts";
import type { Tracing } from "../../tracing.ts";
import { originalOf } from "../../wrap.ts";
import { askedNames } from "../aws/asked.ts";
import { withField } from "../aws/changed.ts";
import { queueSource } from "../aws/queue.ts";

/** What a propagator carries that is registered only after the consumer is made: W3C's. */
const W3C = ["traceparent", "tracestate", "baggage"];

/** The same options, with handlers that run in the context of their message. */
export function tracedOptions<Options extends ConsumerOptions>(
  options: Options,
  tracing: Tracing,
): Options {
  const { queueUrl, handleMessage, handleMessageBatch, sqs, messageAttributeNames } = options;
  const source = queueSource(queueUrl, tracing);
  if (source.ignored) return options;
  const changes: [keyof ConsumerOptions, unknown][] = [];
  if (typeof handleMessage === "function") {
    changes.push(["handleMessage", tracedHandler(handleMessage, source)]);
  }
  if (typeof handleMessageBatch === "function") {
    changes.push(["handleMessageBatch", tracedBatchHandler(handleMessageBatch, source)]);
  }
  const names = askedNames(messageAttributeNames, tracing, W3C);
  if (names !== undefined) changes.push(["messageAttributeNames", names]);
  // Else each message would be counted twice, and each deletion of the consumer's have a span.
  if (sqs !== undefined) changes.push(["sqs", originalOf(sqs)]);
  return changes.reduce((changed, [name, value]) => withField(changed, name, value), options);
}

type Handler = NonNullable<ConsumerOptions["handleMessage"]>;
type BatchHandler = NonNullable<ConsumerOptions["handleMessageBatch"]>;

function tracedHandler(handler: Handler, source: Source): Handler {
  const deliver = opensOwnScopes(handler) ? deliverUnopened : processDelivered;
  return function handleMessage(this: unknown, message: Message) {
    return deliver(message, source, new Call(handler, this, message));
  };
}

function tracedBatchHandler(handler: BatchHandler, source: Source): BatchHandler {
  return function handleMessageBatch(this: unknown, messages: Message[]) {
    return batchDelivered(messages, source, new Call(handler, this, messages));
  };
}
