import { type Context, trace } from "@opentelemetry/api";
import { activeContext, MessageContext, originOf } from "./context.ts";
import { type DeadLetterOptions, makeDeadLetter } from "./dead-letter.ts";
import { type DeadLetterOrigin, readDeadLetter } from "./dead-letter-origin.ts";
import { deliveryOf, Sources } from "./delivered.ts";
import { fault, warnOnce } from "./guard.ts";
import { injectInto } from "./inject.ts";
import type { Delivery, MessageFormat } from "./message.ts";
import { needHandler, needMessage } from "./mistake.ts";
import { batchHeld, processHeld } from "./process.ts";
import { readMessage } from "./read.ts";
import { type Attempted, callTold, opensOwnScopes, type RetryPolicy, retrying } from "./retry.ts";
import { Call } from "./run.ts";
import type { Source } from "./source.ts";
import { Tracing } from "./tracing.ts";

/**
 * The functions that every subpath exports, over one client's message format. A subpath gives them
 * their types and their documentation.
 */
export interface Adapter {
  processMessage<Message extends object, Result>(
    message: Message,
    handler: (message: Message) => Result,
    delivery?: Delivery,
  ): Result;
  processBatch<Message extends object, Result>(
    messages: readonly Message[],
    handler: (messages: readonly Message[]) => Result,
    delivery?: Delivery,
  ): Result;
  contextOf(message: object): Context;
  injectContext<Headers extends object | null | undefined>(
    headers: Headers,
    context?: Context,
  ): Headers extends object ? Headers : Record<string, string>;
  deadLetter(message: object, error: unknown, options?: DeadLetterOptions): object;
  deadLetterOf(message: object): DeadLetterOrigin | undefined;
  withRetries<Argument, Result, Rest extends unknown[]>(
    handler: (argument: Argument, ...rest: Rest) => Result,
    policy: RetryPolicy,
    describe: (argument: Argument) => Attempted | undefined,
  ): (argument: Argument, ...rest: Rest) => Promise<Awaited<Result> | undefined>;
}

/**
 * Where a message came from that has not been handled yet, for clients that hand messages over
 * without calling a handler, or whose messages tell it themselves. `sources` makes those that only
 * the message tells of.
 */
export type FindSource = (message: object, sources: Sources) => Source | undefined;

/** Makes the functions for a client. For what no traced client delivered, the application's globals hold. */
export function adapterFor(format: MessageFormat, find?: FindSource): Adapter {
  const tracing = new Tracing();
  const sources = new Sources(format, tracing);
  const found = (message: object): Source | undefined => {
    try {
      return find?.(message, sources);
    } catch (error) {
      fault("adapter", error); // A message's own fields may be anything.
      return undefined;
    }
  };
  const sourceOf = (message: object): Source => found(message) ?? sources.of({});
  const untold = (): Source => {
    warnOnce(
      `untold ${format.system ?? ""}`,
      "processMessage got a message that no traced client delivered, and no { system, destination } as its last argument: its span will not say where it came from.",
    );
    return sources.of({});
  };
  const told = (
    delivery: Delivery | undefined,
    again = false,
  ): Parameters<typeof processHeld>[1] => ({
    source: (message) =>
      delivery === undefined ? (found(message) ?? untold()) : sources.of(delivery),
    headers: delivery?.headers,
    messageId: delivery?.messageId,
    again,
  });

  return {
    processMessage(message, handler, delivery) {
      needHandler("processMessage", handler);
      // A handler from withRetries opens a span for each attempt: one around them all would nest them.
      if (opensOwnScopes(handler)) return callTold(handler, message, delivery);
      const call = new Call(handler, undefined, message);
      return processHeld(message, told(delivery), call);
    },

    processBatch(messages, handler, delivery) {
      needHandler("processBatch", handler);
      const call = new Call(handler, undefined, messages);
      return batchHeld(messages, told(delivery), call);
    },

    contextOf(message) {
      const active = activeContext();
      const origin = originOf(active);
      const source = deliveryOf(message) ?? sourceOf(message);
      const { parent, baggage, behind } = readMessage(message, source, active);
      const span = parent && trace.wrapSpanContext(parent);
      return new MessageContext(behind ?? origin, origin, span, baggage, undefined, parent);
    },

    injectContext(headers, context = activeContext()) {
      const { carrying } = tracing.now();
      try {
        return injectInto(headers, context, carrying) as never;
      } catch (error) {
        fault("inject", error);
        return (headers ?? {}) as never;
      }
    },

    deadLetter(message, error, options = {}) {
      needMessage(message);
      return makeDeadLetter(message, error, options, sourceOf(message));
    },

    deadLetterOf(message) {
      try {
        return readDeadLetter(format.headers(message));
      } catch (error) {
        fault("extract", error);
        return undefined;
      }
    },

    withRetries(handler, policy, describe) {
      needHandler("withRetries", handler);
      return retrying(handler, policy, describe, {
        attempt: (message, attempt, delivery) =>
          processHeld(message, told(delivery, true), new Call(attempt, undefined, message)),
        deadLetter: (message, error, attempts) =>
          makeDeadLetter(message, error, { attempts }, sourceOf(message), true),
      });
    },
  };
}
