import type { AsyncMessage, Channel, Cmd, MethodParams } from "rabbitmq-client";
import { destinationsOf } from "../../brokers/rabbitmq/destination.ts";
import { Queue } from "../../brokers/rabbitmq/queue.ts";
import { settleMessages } from "../../brokers/rabbitmq/settling.ts";
import { delivered, deliveredUnhandled, processDelivered } from "../../deliver.ts";
import { fault } from "../../guard.ts";
import { Held, type Refusal } from "../../held.ts";
import { Call } from "../../run.ts";
import type { Tracing } from "../../tracing.ts";
import { type Method, wrap } from "../../wrap.ts";
import { rabbitmqClientFormat } from "./format.ts";
import { publishing } from "./publish.ts";

type Handler = (this: unknown, message: AsyncMessage) => unknown;
type Settling = MethodParams[Cmd.BasicNack] | undefined;

/** A channel whose messages carry context, and whose callbacks run in that of their message. */
export function tracedChannel(channel: Channel, tracing: Tracing): Channel {
  const held = new Held();
  const queueOf = (params: unknown): Queue =>
    new Queue(queueIn(params), rabbitmqClientFormat, tracing);
  let watched = false;

  const settling =
    (operation: string, refused: (params: Settling) => Refusal | undefined): Method =>
    (own, self, args) => {
      const params = args[0] as Settling;
      const { deliveryTag: tag = 0, multiple } = params ?? {};
      const settled = { operation, message: undefined, tag, upTo: multiple === true };
      return settleMessages({ ...settled, refusal: refused(params) }, held, tracing, () =>
        Reflect.apply(own, self, args),
      );
    };

  return wrap(channel, {
    basicPublish: publishing(destinationsOf(tracing)),
    basicAck: settling("ack", () => undefined),
    // The client gives a message back unless it is told not to.
    basicNack: settling("nack", (params) =>
      params?.requeue === undefined || params.requeue ? "requeued" : "rejected",
    ),
    basicGet: getting(queueOf),
    basicConsume(own, self, args) {
      const [params, handler] = args;
      if (typeof handler !== "function") return Reflect.apply(own, self, args);
      if (!watched) {
        watched = true;
        watch(channel, held);
      }
      const noAck = (params as MethodParams[Cmd.BasicConsume] | null)?.noAck === true;
      const traced = holding(handler as Handler, queueOf(params), noAck ? undefined : held);
      return Reflect.apply(own, self, [params, traced, ...args.slice(2)]);
    },
  });
}

/** basicGet, of a channel or of a connection: the message is known before the application has it. */
export function getting(queueOf: (params: unknown) => Queue): Method {
  return (own, self, args) => {
    const queue = queueOf(args[0]);
    const asked: unknown = Reflect.apply(own, self, args);
    if (!(asked instanceof Promise)) return asked;
    return asked.then((message: AsyncMessage | undefined) => {
      const source = message && queue.find(message.exchange, message.routingKey);
      if (source !== undefined) deliveredUnhandled(message as AsyncMessage, source);
      return message;
    });
  };
}

/** The name of a queue, which the client takes by itself or among other things. */
export function queueIn(params: unknown): unknown {
  return typeof params === "string" ? params : (params as { queue?: unknown } | null)?.queue;
}

function watch(channel: Channel, held: Held): void {
  try {
    channel.once("close", () => held.close());
  } catch (error) {
    fault("adapter", error);
  }
}

/** A callback of basicConsume, whose messages are settled by the application. */
function holding(handler: Handler, queue: Queue, held: Held | undefined): Handler {
  return function onMessage(this: unknown, message) {
    const source = queue.find(message.exchange, message.routingKey);
    const call = new Call(handler, this, message);
    if (source === undefined) return call.bare();
    // Nothing is settled: there is nothing to wait for.
    if (held === undefined) return processDelivered(message, source, call);
    const scope = delivered(message, source);
    return scope === undefined ? call.bare() : held.run(message.deliveryTag, scope, call);
  };
}
