import type { Message } from "amqplib";
import { settleMessages, type Settled } from "../../brokers/rabbitmq/settling.ts";
import type { Held, Refusal } from "../../held.ts";
import type { Tracing } from "../../tracing.ts";
import type { Method } from "../../wrap.ts";

/** The methods of a channel that settle messages. */
export function settling(held: Held, tracing: Tracing): Record<string, Method> {
  const method =
    (settled: (args: readonly unknown[]) => Settled): Method =>
    (own, self, args) =>
      settleMessages(settled(args), held, tracing, () => Reflect.apply(own, self, args));
  return {
    ack: method(([message, upTo]) => one("ack", message, upTo, undefined)),
    ackAll: method(() => all("ack", undefined)),
    nack: method(([message, upTo, requeue]) => one("nack", message, upTo, refusal(requeue))),
    nackAll: method(([requeue]) => all("nack", refusal(requeue))),
    reject: method(([message, requeue]) => one("reject", message, false, refusal(requeue))),
  };
}

function one(
  operation: string,
  message: unknown,
  upTo: unknown,
  refused: Refusal | undefined,
): Settled {
  // What is no message is for amqplib to refuse.
  const settled: Partial<Message> | undefined =
    message !== null && typeof message === "object" ? message : undefined;
  const tag = settled?.fields?.deliveryTag;
  return { operation, message: settled, tag, upTo: Boolean(upTo), refusal: refused };
}

function all(operation: string, refused: Refusal | undefined): Settled {
  return { operation, message: undefined, tag: 0, upTo: true, refusal: refused };
}

/** amqplib gives a message back unless it is told not to. */
function refusal(requeue: unknown): Refusal {
  return requeue === undefined || Boolean(requeue) ? "requeued" : "rejected";
}
