import type { Context } from "@opentelemetry/api";
import { adapterFor } from "./adapter.ts";
import type { DeadLetterOptions } from "./dead-letter.ts";
import type { DeadLetterOrigin } from "./dead-letter-origin.ts";
import { anyMessage, type Delivery } from "./message.ts";
import type { RetryPolicy } from "./retry.ts";

const adapter = adapterFor(anyMessage);

/**
 * Handles one message of any broker in its own scope: the context in its headers is active in
 * `handler`, in a process span of its own that ends when the handler settles. What the handler
 * returns or throws is returned or thrown. The message that is already being handled gets no
 * second span.
 *
 * @param delivery where it came from, and its headers where they do not stand in `message.headers`.
 * @example
 * ```ts
 * import { processMessage } from "throughline";
 * import assert from "node:assert";
 *
 * const message = { body: "42", headers: { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" } };
 * const answer = processMessage(message, ({ body }) => Number(body), {
 *   system: "nats",
 *   destination: "questions",
 * });
 * assert.equal(answer, 42);
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
 * Handles messages together: one process span, the root of a trace of its own, linked to each
 * message's context.
 */
export function processBatch<Message extends object, Result>(
  messages: readonly Message[],
  handler: (messages: readonly Message[]) => Result,
  delivery?: Delivery,
): Result {
  return adapter.processBatch(messages, handler, delivery);
}

/** The context that a message carries in `message.headers`, to start spans of your own under it. */
export function contextOf(message: object): Context {
  return adapter.contextOf(message);
}

/**
 * New headers with a context in place of whatever they carried, in the shape that they came in: a
 * plain object, a Map, a list of pairs or of single-key objects. The headers given are not written to.
 *
 * @param context default: the active one.
 * @example
 * ```ts
 * import { propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
 * import { injectContext, w3cPropagator } from "throughline";
 * import assert from "node:assert";
 *
 * propagation.setGlobalPropagator(w3cPropagator());
 * const context = trace.setSpanContext(ROOT_CONTEXT, {
 *   traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
 *   spanId: "00f067aa0ba902b7",
 *   traceFlags: 1,
 * });
 * assert.deepEqual(injectContext([["tenant", "a"]], context), [
 *   ["tenant", "a"],
 *   ["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
 * ]);
 * ```
 */
export function injectContext<Headers extends object | null | undefined>(
  headers: Headers,
  context?: Context,
): Headers extends object ? Headers : Record<string, string> {
  return adapter.injectContext(headers, context);
}

/**
 * A copy of a message for a dead-letter destination: its own fields, with headers that tell what
 * failed and where it came from (`dlq.*`) and carry the context of the record's own trace.
 */
export function deadLetter(message: object, error: unknown, options?: DeadLetterOptions): object {
  return adapter.deadLetter(message, error, options);
}

/** What a dead letter tells of its origin, whoever wrote it; undefined for a message that is none. */
export function deadLetterOf(message: object): DeadLetterOrigin | undefined {
  return adapter.deadLetterOf(message);
}

/**
 * A handler that tries again, each attempt in a process span of its own beside the one before, and
 * then publishes a dead letter.
 *
 * @throws {RangeError} for a number of attempts or a delay that is none.
 */
export function withRetries<Message extends object, Result>(
  handler: (message: Message) => Result,
  policy: RetryPolicy = {},
): (message: Message) => Promise<Awaited<Result> | undefined> {
  return adapter.withRetries(handler, policy, (message) => ({ message, heartbeat: undefined }));
}
