import type { Channel, ChannelModel } from "amqplib";
import { type Connection, connect } from "amqplib/callback_api";

type Method = (...args: unknown[]) => unknown;

/** Methods of the callback API that answer by a callback. */
const ASKED = ["assertQueue", "checkQueue", "consume", "get", "prefetch", "close"];

/** A connection of amqplib's callback API, opened; the contract's literal speaks in promises. */
export async function connectWithCallbacks(url: string): Promise<Connection> {
  return new Promise((resolve, reject) => {
    connect(url, (error: Error | null, connection) => {
      if (error === null) resolve(connection);
      else reject(error);
    });
  });
}

/** The callback API's connection in the words of the promise API, over the very same client. */
export function promisedConnection(connection: Connection): ChannelModel {
  const create =
    (method: "createChannel" | "createConfirmChannel") => async (): Promise<Channel> => {
      const channel = await asked<object>(connection, method, []);
      return promisedChannel(channel);
    };
  return {
    createChannel: create("createChannel"),
    createConfirmChannel: create("createConfirmChannel"),
    close: async () => asked(connection, "close", []),
  } as unknown as ChannelModel;
}

function promisedChannel(channel: object): Channel {
  return new Proxy(channel, {
    get(_target, name) {
      const value: unknown = Reflect.get(channel, name);
      if (typeof value !== "function") return value;
      if (ASKED.includes(String(name))) {
        const arity: Record<string, number> = { consume: 3, get: 2, prefetch: 2, assertQueue: 2 };
        return async (...args: unknown[]) => {
          const length = arity[String(name)] ?? args.length;
          const filled = Array.from({ length }, (_, at) => args[at]);
          return asked(channel, String(name), filled);
        };
      }
      return value.bind(channel) as unknown;
    },
  }) as Channel;
}

function asked<Result>(of: object, method: string, args: unknown[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    const answer = (error: Error | null | undefined, result: Result): void => {
      if (error === null || error === undefined) resolve(result);
      else reject(error);
    };
    (of as Record<string, Method>)[method]?.(...args, answer);
  });
}

export type { Connection };
