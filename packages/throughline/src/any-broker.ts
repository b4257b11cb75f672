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
 * @throws {TypeError} where `handler` is no function; else whatever the handler throws.
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
 * message's context (128 at most), which ends when the handler settles. What the handler returns or
 * throws is returned or thrown.
 *
 * @param delivery where they came from. `headers` as a function tells each message's own.
 * @throws {TypeError} where `handler` is no function; else whatever the handler throws.
 * @example
 * ```ts
 * import { processBatch } from "throughline";
 * import assert from "node:assert";
 *
 * const messages = [{ body: "40", headers: {} }, { body: "2", headers: {} }];
 * const sum = processBatch(
 *   messages,
 *   (all) => all.reduce((total, { body }) => total + Number(body), 0),
 *   { system: "nats", destination: "numbers" },
 * );
 * assert.equal(sum, 42);
 * ```
 */
export function processBatch<Message extends object, Result>(
  messages: readonly Message[],
  handler: (messages: readonly Message[]) => Result,
  delivery?: Delivery,
): Result {
  return adapter.processBatch(messages, handler, delivery);
}

/**
 * The context that a message carries in `message.headers`, over the active one without its span and
 * baggage: to start spans of your own under it. Without a span where it carries none, or a malformed one.
 *
 * @example
 * ```ts
 * import { propagation, trace } from "@opentelemetry/api";
 * import { contextOf, w3cPropagator } from "throughline";
 * import assert from "node:assert";
 *
 * propagation.setGlobalPropagator(w3cPropagator());
 * const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
 * const context = contextOf({ body: "42", headers: [["traceparent", traceparent]] });
 * assert.equal(trace.getSpanContext(context)?.spanId, "00f067aa0ba902b7");
 * ```
 */
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
 * failed and where it came from (`dlq.*`) and carry the context of the record's own trace. Where
 * to, and sending it, is yours. The span of the attempt becomes an error.
 *
 * @throws {TypeError} where `message` is no object.
 * @example
 * ```ts
 * import { deadLetter, deadLetterOf } from "throughline";
 * import assert from "node:assert";
 *
 * const letter = deadLetter({ body: "42", headers: { tenant: "a" } }, new RangeError("too much"));
 * assert.deepEqual(letter, {
 *   body: "42",
 *   headers: {
 *     tenant: "a",
 *     "dlq.error.type": "RangeError",
 *     "dlq.error.message": "too much",
 *     "dlq.attempts": "1",
 *   },
 * });
 * assert.equal(deadLetterOf(letter)?.errorMessage, "too much");
 * ```
 */
export function deadLetter(message: object, error: unknown, options?: DeadLetterOptions): object {
  return adapter.deadLetter(message, error, options);
}

/**
 * What a dead letter tells of its origin, whoever wrote it: this library, spring-kafka, Kafka
 * Connect, RabbitMQ. Undefined for a message that is none. Never throws.
 *
 * @example
 * ```ts
 * import { deadLetterOf } from "throughline";
 * import assert from "node:assert";
 *
 * const headers = { "x-death": [{ queue: "orders", reason: "rejected", count: 2 }] };
 * assert.deepEqual(deadLetterOf({ headers }), {
 *   convention: "rabbitmq",
 *   destination: "orders",
 *   errorType: "rejected",
 *   attempts: 2,
 * });
 * ```
 */
export function deadLetterOf(message: object): DeadLetterOrigin | undefined {
  return adapter.deadLetterOf(message);
}

/**
 * A handler that tries again, each attempt in a process span of its own beside the one before, and
 * then publishes a dead letter. Where there is no `deadLetter`, the last attempt's error is thrown.
 *
 * @throws {TypeError} where `handler` is no function, or the policy has a name that there is not,
 *   or a `retryOn` or `deadLetter` that is none.
 * @throws {RangeError} for a number of attempts or a delay that is none.
 * @example
 * ```ts
 * import { processMessage, withRetries } from "throughline";
 * import assert from "node:assert";
 *
 * let tried = 0;
 * const parked: object[] = [];
 * const charge = withRetries(
 *   () => {
 *     tried += 1;
 *     throw new Error("declined");
 *   },
 *   { attempts: 2, delay: 10, deadLetter: (letter) => parked.push(letter) },
 * );
 * await processMessage({ body: "42", headers: {} }, charge, { system: "nats", destination: "orders" });
 * assert.deepEqual([tried, parked.length], [2, 1]);
 * ```
 */
export function withRetries<Message extends object, Result>(
  handler: (message: Message) => Result,
  policy: RetryPolicy = {},
): (message: Message) => Promise<Awaited<Result> | undefined> {
  return adapter.withRetries(handler, policy, (message) => ({ message, heartbeat: undefined }));
}
