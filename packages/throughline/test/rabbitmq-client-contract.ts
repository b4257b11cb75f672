import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  type AsyncMessage,
  type Channel,
  Connection as RabbitConnection,
  type Consumer,
  type Envelope,
  type Publisher,
} from "rabbitmq-client";
import * as rabbitmqClient from "throughline/rabbitmq-client";
import type {
  Connection,
  Consuming,
  ContractClient,
  Holding,
  MessageParts,
  Settling,
  Wrap,
} from "throughline/testing";
import { headersOfList } from "./amqplib-contract.ts";
import { Lanes } from "./lanes.ts";

/** An envelope with the body beside it, as a dead letter has it. */
type Sent = Envelope & { body: unknown };

/** Where a message goes is a part of it: told only when it is sent, and without writing to it. */
const routes = new WeakMap<object, string>();

function message({ body, headers, lane = 0 }: MessageParts): Sent {
  return {
    body,
    type: String(lane),
    ...(headers === undefined ? {} : { headers }),
    get routingKey(): string {
      return routes.get(this) ?? "";
    },
  };
}

function routed(sent: Sent, queue: string): Sent {
  if (Object.getOwnPropertyDescriptor(sent, "routingKey")?.get === undefined) {
    return Object.assign(sent, { routingKey: queue });
  }
  routes.set(sent, queue);
  return sent;
}

/** How the contract suite speaks with rabbitmq-client. */
export function rabbitmqClientContract(url: string): ContractClient {
  return {
    name: "rabbitmq-client on RabbitMQ",
    system: "rabbitmq",
    functions: rabbitmqClient,
    open: async (wrap) => RabbitmqClientConnection.open(wrap, url),
    headers: headersOfList,
    message,
    read(consumed) {
      const { body, headers = {} } = consumed as AsyncMessage;
      return {
        body: String(body),
        headers: Object.entries(headers).flatMap(([name, held]) =>
          [held].flat().map((single) => [name, single === null ? null : String(single)] as const),
        ),
      };
    },
    headersOf: (consumed) => (consumed as AsyncMessage).headers ?? {},
    refused: () => ({ type: "without a body" }),
  };
}

class RabbitmqClientConnection implements Connection {
  readonly clients: readonly object[];
  private readonly connection: RabbitConnection;
  private readonly connect: () => RabbitConnection;
  private readonly publisher: Publisher;
  private readonly channel: Channel;
  private readonly opened: { close(): Promise<void> }[] = [];
  private readonly consumers = new Map<string, Consumer>();
  /** Where the broker closes a channel that settles too late, and the application opens another. */
  private readonly hasty = new Set<string>();

  static async open(wrap: Wrap, url: string): Promise<RabbitmqClientConnection> {
    const connect = (): RabbitConnection => {
      const connection = wrap(new RabbitConnection(url));
      connection.on("error", () => {});
      return connection;
    };
    const connection = connect();
    return new RabbitmqClientConnection(connection, await connection.acquire(), connect);
  }

  private constructor(
    connection: RabbitConnection,
    channel: Channel,
    connect: () => RabbitConnection,
  ) {
    this.connect = connect;
    const rpc = connection.createRPCClient();
    this.connection = connection;
    this.publisher = connection.createPublisher({ confirm: true });
    this.channel = channel;
    this.opened.push(this.publisher, channel, rpc);
    this.clients = [connection, this.publisher, channel, rpc];
  }

  async destination(): Promise<string> {
    const queue = `contract-${randomUUID()}`;
    await this.channel.queueDeclare({ queue });
    return queue;
  }

  send(queue: string, messages: readonly object[]): Promise<void> {
    const [sent] = messages as [Sent];
    return this.publisher.send(routed(sent, queue), sent.body);
  }

  async sendFailing(queue: string, messages: readonly object[]): Promise<unknown> {
    const [sent] = messages as [Sent];
    const publisher = this.connection.createPublisher({ confirm: true });
    this.opened.push(publisher);
    const exchange = "no such exchange";
    return publisher.send({ ...routed(sent, queue), exchange }, sent.body);
  }

  async sendEmptyHeader(queue: string, parts: MessageParts, name: string): Promise<unknown> {
    const sent = message(parts);
    const headers = { ...sent.headers, [name]: null };
    return this.publisher.send({ routingKey: queue, headers }, sent.body);
  }

  async consume(queue: string, consuming: Consuming): Promise<void> {
    const { each, lanes: concurrency, retries, failed } = consuming;
    const lanes = new Lanes();
    const handle = async (consumed: AsyncMessage): Promise<void> => {
      await lanes.run(String(consumed.type), async () => void (await each?.(consumed, consumed)));
    };
    const consumer = this.connection.createConsumer(
      { queue, concurrency, qos: { prefetchCount: concurrency } },
      retries === undefined ? handle : rabbitmqClient.withRetries(handle, retries),
    );
    consumer.on("error", (error) => failed?.(error));
    this.consumers.set(queue, consumer);
    await once(consumer, "ready");
  }

  async hold(
    queue: string,
    take: (message: object, settling: Settling) => unknown,
  ): Promise<Holding> {
    // On a connection of its own: where a message is settled twice, the broker closes the channel,
    // and the client, closing it as well, takes the connection down with it.
    const connection = this.connect();
    const open = async (): Promise<Channel> => {
      const channel = await connection.acquire();
      await channel.basicConsume({ queue }, (consumed) => {
        const { deliveryTag } = consumed;
        return take(consumed, {
          ack: () => channel.basicAck({ deliveryTag }),
          refuse: (requeue) => channel.basicNack({ deliveryTag, requeue }),
        });
      });
      if (this.hasty.has(queue)) {
        channel.once("close", () => void (last = ended ? last : open()));
      }
      return channel;
    };
    let ended = false;
    let last = open();
    await last;
    return {
      async close() {
        ended = true;
        await (await last).close();
        await connection.close();
      },
    };
  }

  async hastyDestination(): Promise<string> {
    const queue = await this.destination();
    this.hasty.add(queue);
    return queue;
  }

  pull(queue: string): Promise<unknown> {
    return this.channel.basicGet({ queue, noAck: true });
  }

  sendOn(queue: string, consumed: object): unknown {
    const { body, ...envelope } = consumed as AsyncMessage;
    return this.publisher.send({ ...envelope, exchange: "", routingKey: queue }, body);
  }

  async deadLettering(): Promise<{ destination: string; letters: string }> {
    const letters = await this.destination();
    const destination = `contract-${randomUUID()}`;
    const to = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": letters };
    await this.channel.queueDeclare({ queue: destination, arguments: to });
    return { destination, letters };
  }

  async transact(
    end: "commit" | "abort",
    queue: string,
    messages: readonly object[],
  ): Promise<unknown> {
    const [sent] = messages as [Sent];
    const channel = await this.connection.acquire();
    await channel.txSelect();
    await channel.basicPublish(routed(sent, queue), sent.body);
    await (end === "commit" ? channel.txCommit() : channel.txRollback());
    return channel.close();
  }

  async settled(queue: string): Promise<unknown> {
    await this.consumers.get(queue)?.close();
    const { messageCount } = await this.channel.queueDeclare({ queue, passive: true });
    return { left: messageCount };
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumers.values()].map((consumer) => consumer.close()));
    await Promise.all(this.opened.map((one) => one.close()));
    await this.connection.close();
  }
}
