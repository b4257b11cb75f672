// traced() gives back the type it was given, for whatever of rabbitmq-client's a user holds.
import { type AsyncMessage, Connection, type Publisher, type RPCClient } from "rabbitmq-client";
import * as rabbitmqClient from "throughline/rabbitmq-client";
import type { ClientFunctions } from "throughline/testing";

const { traced } = rabbitmqClient;

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const rabbit = traced(new Connection());
same<typeof rabbit, Connection>(true);
const publisher = traced(rabbit.createPublisher());
same<typeof publisher, Publisher>(true);
const rpc = traced(rabbit.createRPCClient());
same<typeof rpc, RPCClient>(true);
traced(await rabbit.acquire());

class OwnConnection extends Connection {
  readonly region: string = "eu";
}
const own = traced(new OwnConnection());
same<typeof own, OwnConnection>(true);

export const functions: ClientFunctions = rabbitmqClient;

declare function charge(message: AsyncMessage): Promise<void>;
export const consumer = rabbit.createConsumer(
  { queue: "orders" },
  rabbitmqClient.withRetries(charge, {
    deadLetter: (letter) => publisher.send({ ...letter, routingKey: "orders.dlq" }, letter.body),
  }),
);

// @ts-expect-error a consumer has its handler already: trace the connection that makes it
traced(consumer);
