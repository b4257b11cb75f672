import type { ChannelModel, RecoveringChannelModel } from "amqplib";
import type * as callbackApi from "amqplib/callback_api";
import type { Tracing } from "../../tracing.ts";
import { type Method, wrap } from "../../wrap.ts";
import { type AnyChannel, tracedChannel } from "./channel.ts";

export type AnyConnection =
  | ChannelModel
  | RecoveringChannelModel
  | callbackApi.Connection
  | callbackApi.RecoveringConnection;

/** A connection whose channels are traced, of either API, recovering or not. */
export function tracedConnection<Client extends AnyConnection>(
  connection: Client,
  tracing: Tracing,
): Client {
  const traced = (made: unknown): unknown => {
    // A recovering one resolves to itself.
    if (made === connection) return proxy;
    return isChannel(made) ? tracedChannel(made, tracing) : made;
  };
  const making: Method = (own, self, args) => {
    const given = args.map((arg) => (typeof arg === "function" ? calledBack(arg, traced) : arg));
    const made: unknown = Reflect.apply(own, self, given);
    return made instanceof Promise ? made.then(traced) : traced(made);
  };
  const proxy = wrap(connection, {
    createChannel: making,
    createConfirmChannel: making,
    waitForConnect: making,
  });
  return proxy;
}

/** A callback that is given the traced channel in place of the bare one. */
function calledBack(callback: Function, traced: (made: unknown) => unknown): Function {
  return function (this: unknown, ...answer: unknown[]): unknown {
    return Reflect.apply(callback, this, answer.map(traced));
  };
}

/** Whether something is a channel, of either API. */
export function isChannel(value: unknown): value is AnyChannel {
  return hasMethods(value, ["publish", "consume", "ack"]);
}

/** Whether something is a connection, of either API. */
export function isConnection(value: unknown): value is AnyConnection {
  return hasMethods(value, ["createChannel", "createConfirmChannel"]);
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (value === null || typeof value !== "object") return false;
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}
