import { type Context, trace } from "@opentelemetry/api";
import type { Message } from "amqplib";
import { SYSTEM_NAME } from "../../brokers/rabbitmq/destination.ts";
import { activeContext, originOf, scopeIn, spanContextIn } from "../../context.ts";
import { deliveryOf } from "../../delivered.ts";
import { failureOf } from "../../failure.ts";
import { fault } from "../../guard.ts";
import { type Held, refuse, type Refusal } from "../../held.ts";
import { readMessage } from "../../read.ts";
import { settle } from "../../settle.ts";
import type { Tracing } from "../../tracing.ts";
import type { Method } from "../../wrap.ts";

/** What a call settles. */
interface Settled {
  /** Undefined for all that are outstanding. */
  readonly message: Message | undefined;
  readonly upTo: boolean;
  readonly refusal: Refusal | undefined;
}

/** The methods of a channel that settle messages: each makes a settle span, and ends whose it settles. */
export function settling(held: Held, tracing: Tracing): Record<string, Method> {
  const method =
    (operation: string, settledBy: (args: readonly unknown[]) => Settled): Method =>
    (own, self, args) => {
      const call = (): unknown => Reflect.apply(own, self, args);
      const settled = settledBy(args);
      if (isLeftAlone(settled)) return call();
      // First the client: a message that it does not settle is not settled.
      const result = settleBy(operation, settled, held, tracing, call);
      took(settled, held);
      return result;
    };
  return {
    ack: method("ack", ([message, upTo]) => settledOf(message, upTo, undefined)),
    ackAll: method("ack", () => settledOf(undefined, true, undefined)),
    nack: method("nack", ([message, upTo, requeue]) => settledOf(message, upTo, refusal(requeue))),
    nackAll: method("nack", ([requeue]) => settledOf(undefined, true, refusal(requeue))),
    reject: method("reject", ([message, requeue]) => settledOf(message, false, refusal(requeue))),
  };
}

function settledOf(message: unknown, upTo: unknown, refused: Refusal | undefined): Settled {
  return { message: message as Message | undefined, upTo: Boolean(upTo), refusal: refused };
}

/** amqplib gives a message back unless it is told not to. */
function refusal(requeue: unknown): Refusal {
  return requeue === undefined || Boolean(requeue) ? "requeued" : "rejected";
}

function isLeftAlone({ message }: Settled): boolean {
  return isObject(message) && deliveryOf(message)?.ignored === true;
}

function settleBy(
  operation: string,
  { message, upTo }: Settled,
  held: Held,
  tracing: Tracing,
  call: () => unknown,
): unknown {
  const source = isObject(message) && !upTo ? deliveryOf(message) : undefined;
  if (source?.foreignSpans === true) return call();
  const context = aboveOf(message, held);
  if (context === undefined) return call();
  const destination = source?.origin.destination;
  const settlement = { system: SYSTEM_NAME, destination, group: undefined, context };
  return settle(operation, tracing, settlement, call);
}

/**
 * What a settlement belongs to: the message's handling, what is active, or else the message's own
 * trace. A settlement that belongs to nothing has no span: it would be a trace of its own.
 */
function aboveOf(message: Message | undefined, held: Held): Context | undefined {
  try {
    const scope = held.scopeOf(tagOf(message) ?? -1);
    if (scope !== undefined) return scope.context;
    const active = activeContext();
    if (spanContextIn(active) !== undefined) return active;
    const source = isObject(message) ? deliveryOf(message) : undefined;
    if (message === undefined || source === undefined) return undefined;
    const own = failureOf(message)?.attempt ?? readMessage(message, source, active).parent;
    return own && trace.setSpanContext(originOf(active), own);
  } catch (error) {
    fault("adapter", error);
    return undefined;
  }
}

/** The client took the settlement: what waited for it ends. */
function took({ message, upTo, refusal: refused }: Settled, held: Held): void {
  try {
    // Whichever attempt is at it may have a scope of its own.
    const active = scopeIn(activeContext());
    if (refused !== undefined && active !== undefined && active.message === message) {
      refuse(active, refused);
    }
    if (message === undefined) held.settle(0, true, refused);
    else held.settle(tagOf(message) ?? -1, upTo, refused);
  } catch (error) {
    fault("adapter", error);
  }
}

function tagOf(message: unknown): number | undefined {
  return isObject(message) ? (message as Partial<Message>).fields?.deliveryTag : undefined;
}

function isObject(value: unknown): value is object {
  return value !== null && typeof value === "object";
}
