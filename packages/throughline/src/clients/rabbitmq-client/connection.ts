import type { Channel, Connection, ConsumerHandler, Publisher, RPCClient } from "rabbitmq-client";
import { destinationsOf } from "../../brokers/rabbitmq/destination.ts";
import { Queue } from "../../brokers/rabbitmq/queue.ts";
import type { Tracing } from "../../tracing.ts";
import { wrap } from "../../wrap.ts";
import { getting, queueIn, tracedChannel } from "./channel.ts";
import { consuming } from "./consumer.ts";
import { rabbitmqClientFormat } from "./format.ts";
import { publishing } from "./publish.ts";

/** A connection whose consumers, publishers, RPC clients and channels carry context. */
export function tracedConnection(connection: Connection, tracing: Tracing): Connection {
  const destinations = destinationsOf(tracing);
  const queueOf = (params: unknown): Queue =>
    new Queue(queueIn(params), rabbitmqClientFormat, tracing);
  return wrap(connection, {
    createConsumer(own, self, args) {
      const [props, handler] = args;
      if (typeof handler !== "function") return Reflect.apply(own, self, args);
      const traced = consuming(handler as ConsumerHandler, queueOf(props), destinations);
      return Reflect.apply(own, self, [props, traced, ...args.slice(2)]);
    },
    createPublisher: (own, self, args) =>
      tracedPublisher(Reflect.apply(own, self, args) as Publisher, tracing),
    createRPCClient: (own, self, args) =>
      tracedRpcClient(Reflect.apply(own, self, args) as RPCClient, tracing),
    acquire(own, self, args) {
      const acquired: unknown = Reflect.apply(own, self, args);
      if (!(acquired instanceof Promise)) return acquired;
      return acquired.then((channel: Channel) => tracedChannel(channel, tracing));
    },
    basicGet: getting(queueOf),
  });
}

export function tracedPublisher(publisher: Publisher, tracing: Tracing): Publisher {
  return wrap(publisher, { send: publishing(destinationsOf(tracing)) });
}

/** The send is over when the response is there. */
export function tracedRpcClient(client: RPCClient, tracing: Tracing): RPCClient {
  const send = publishing(destinationsOf(tracing));
  return wrap(client, { send, publish: send });
}
