/**
 * throughline for AWS Lambda's handlers: see {@link traced} and {@link eachRecord}.
 *
 * @module
 */
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
import { knownWhenSpread } from "./aws/spread.ts";
import { type BatchResponse, handleEach } from "./lambda/each.ts";
import { lambdaFormat } from "./lambda/format.ts";
import { tracedHandler } from "./lambda/handler.ts";
import {
  deliveredIn,
  deliveryOf,
  type LambdaRecord,
  nameOf,
  type SqsRecord,
} from "./lambda/records.ts";

export type { BatchResponse };
export * from "../subpath.ts";

// A record tells where it came from.
const adapter = adapterFor(lambdaFormat, (record, sources) => {
  try {
    const delivery = deliveryOf(record);
    return delivery && sources.of(delivery);
  } catch {
    return undefined; // an accessor of the application's threw
  }
});

/**
 * Makes a Lambda handler run in the context of what it is called with, and gives it back as the same
 * type: same return value, same error, callbacks too.
 *
 * With the messages of SQS or of Kafka (MSK, or a cluster of one's own) the call has one process
 * span, the root of a trace of its own, linked to each message's; {@link processMessage} inside it
 * gives each its own. With a notification of SNS or an event of EventBridge, which are one message,
 * it runs in that message's own. A handler of one record, as Powertools' batch processor takes it,
 * runs in that record's. Any other event leaves it alone.
 *
 * Lambda freezes a process when its handler has answered: export spans before it answers, around the
 * handler that this gives back.
 *
 * @throws {TypeError} where `handler` is no function, or an option does not take what it got.
 * @example
 * ```ts
 * import { processMessage, traced } from "throughline/lambda";
 *
 * interface Message { messageId: string; body: string }
 * export const handler = traced(async (event: { Records: Message[] }) => {
 *   for (const record of event.Records) {
 *     await processMessage(record, async () => console.log(record.body));
 *   }
 * });
 * ```
 */
export function traced<Handler extends (...args: never[]) => unknown>(
  handler: Handler,
  options: Options = {},
): Handler {
  if (typeof handler !== "function") {
    throw new TypeError(`throughline: traced() takes a handler of Lambda, got ${typeof handler}`);
  }
  return tracedHandler(handler, new Tracing(options));
}

/**
 * A Lambda handler that calls `handler` for each record, in that record's own scope. Messages of SQS
 * that fail are reported by their ids (switch ReportBatchItemFailures on, or Lambda takes the call
 * for a success); of a FIFO queue those after the first that fails are reported with it. For any
 * other source the first error is thrown. Records of Kafka and of FIFO queues are handled one after
 * the other, others side by side. Any other event has no such records: the call is rejected with a
 * TypeError that names it, as the handler would be by a loop over records that are not there.
 *
 * @throws {TypeError} where `handler` is no function, or an option does not take what it got.
 * @example
 * ```ts
 * import { eachRecord } from "throughline/lambda";
 * import assert from "node:assert";
 *
 * const handler = eachRecord(async (record: { messageId: string; body: string }) => {
 *   if (record.body === "broken") throw new Error("no such order");
 * });
 * const Records = ["fine", "broken"].map((body) => ({ messageId: `id of ${body}`, body }));
 * assert.deepEqual(await handler({ Records }), {
 *   batchItemFailures: [{ itemIdentifier: "id of broken" }],
 * });
 * ```
 */
export function eachRecord<Record extends object, Invocation = unknown>(
  handler: (record: Record, context: Invocation) => unknown,
  options: Options = {},
): (
  event: object,
  context?: Invocation,
) => Promise<Record extends Pick<SqsRecord, "messageId"> ? BatchResponse : void> {
  if (typeof handler !== "function") {
    throw new TypeError(
      `throughline: eachRecord() takes a handler of one record, got ${typeof handler}`,
    );
  }
  const handle = traced(handler, options);
  const each = async (event: object, context?: Invocation): Promise<unknown> => {
    const delivered = deliveredIn(event);
    if (delivered === undefined) {
      // Lambda sends none, tests do: nothing was handled, and nothing failed.
      if ((event as { Records?: unknown[] } | undefined)?.Records?.length === 0) {
        return { batchItemFailures: [] };
      }
      throw new TypeError(
        `throughline: eachRecord() takes an event of SQS, SNS, Kafka or EventBridge, got ${nameOf(event)}; traced(handler) takes any`,
      );
    }
    const one = (record: LambdaRecord): unknown =>
      handle(record as unknown as Record, context as Invocation);
    return handleEach(delivered.records, one);
  };
  return traced(each, options) as ReturnType<typeof eachRecord<Record, Invocation>>;
}

/**
 * Handles one record in its own scope: its context is extracted and active in `handler`, in a
 * process span of its own that ends when the handler settles. What the handler returns or throws is
 * returned or thrown. The record that is already being handled gets no second span.
 *
 * @param delivery where it came from, for an object that is no record of Lambda's.
 */
export function processMessage<Received extends object, Result>(
  record: Received,
  handler: (record: Received) => Result,
  delivery?: Delivery,
): Result {
  return adapter.processMessage(record, handler, delivery);
}

/** Handles records together: one process span, the root of a trace of its own, linked to each record's. */
export function processBatch<Received extends object, Result>(
  records: readonly Received[],
  handler: (records: readonly Received[]) => Result,
  delivery?: Delivery,
): Result {
  return adapter.processBatch(records, handler, delivery);
}

/** The context that a record carries, to start spans of your own under it. */
export function contextOf(record: object): Context {
  return adapter.contextOf(record);
}

/**
 * A copy of an EventBridge event's detail with a context in place of whatever it carried: what
 * processMessage finds where the event arrives. The detail given is not written to.
 *
 * @param context default: the active one.
 * @example
 * ```ts
 * import { injectContext } from "throughline/lambda";
 *
 * export const entry = (order: { id: string }) => ({
 *   Source: "shop.orders",
 *   DetailType: "OrderPlaced",
 *   Detail: JSON.stringify(injectContext(order)),
 * });
 * ```
 */
export function injectContext<Detail extends object>(detail: Detail, context?: Context): Detail {
  return adapter.injectContext(detail, context) as Detail;
}

/**
 * The message to publish in place of a record that can't be handled, in the record's own trace. For
 * a record of Kafka it has key, value and headers, as kafkajs takes it; for any other MessageBody
 * and MessageAttributes, as SQS takes it. Where to, and sending it, is yours.
 */
export function deadLetter(record: object, error: unknown, options?: DeadLetterOptions): object {
  return knownWhenSpread(adapter.deadLetter(record, error, options));
}

/** What a dead letter tells of its origin, whoever wrote it; undefined for a record that is none. */
export function deadLetterOf(record: object): DeadLetterOrigin | undefined {
  return adapter.deadLetterOf(record);
}

/**
 * A handler of one record that tries again, each attempt in a process span of its own beside the one
 * before, and then publishes a dead letter. Mind the function's time limit.
 *
 * @throws {RangeError} for a number of attempts or a delay that is none.
 */
export function withRetries<Received extends object, Result>(
  handler: (record: Received) => Result,
  policy: RetryPolicy = {},
): (record: Received) => Promise<Awaited<Result> | undefined> {
  const { deadLetter: send } = policy;
  const known: RetryPolicy =
    send === undefined
      ? policy
      : { ...policy, deadLetter: (letter, ...rest) => send(knownWhenSpread(letter), ...rest) };
  return adapter.withRetries(handler, known, (message) => ({ message, heartbeat: undefined }));
}
