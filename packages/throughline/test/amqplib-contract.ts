// oxlint-disable typescript/no-misused-promises -- amqplib's callbacks return void by its types, and promises in use.
import { randomUUID } from "node:crypto";
import { connect } from "amqplib";
import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage, Options } from "amqplib";
import * as amqplib from "throughline/amqplib";
import type {
  Connection,
  Consuming,
  ContractClient,
  Holding,
  MessageParts,
  Settling,
  Wrap,
} from "throughline/testing";
import { connectWithCallbacks, promisedConnection } from "./amqplib-callbacks.ts";
import { Lanes } from "./lanes.ts";

/** The options of a publish, with the content beside them, as a dead letter has it. */
type Sent = Options.Publish & { content: Buffer };

/** How the contract suite speaks with amqplib: its promises, or its callbacks with confirms. */
export function amqplibContract(url: string, api: "promises" | "callbacks"): ContractClient {
  return {
    name: `amqplib's ${api} on RabbitMQ`,
    system: "rabbitmq",
    functions: amqplib,
    open: async (wrap) => AmqplibConnection.open(wrap, url, api),
    headers: headersOfList,
    message: amqplibMessage,
    read: readAmqplib,
    headersOf: (consumed) => (consumed as ConsumeMessage).properties.headers ?? {},
    refused: () => ({ content: "no buffer" }),
  };
}

/** Whether this amqplib has connections that recover. */
export async function recovers(url: string): Promise<boolean> {
  const connection = await connect(url, { recovery: true });
  await connection.close();
  return "waitForConnect" in connection;
}

export function headersOfList(
  list: readonly (readonly [name: string, text: string])[],
): Record<string, unknown> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, text] of list) {
    const held = headers[name];
    headers[name] = held === undefined ? text : [held, text].flat();
  }
  return headers;
}

export function amqplibMessage({ body, headers, lane = 0 }: MessageParts): Sent {
  const carrier = headers === undefined ? {} : { headers };
  return { content: Buffer.from(body ?? ""), type: String(lane), ...carrier };
}

export function readAmqplib(consumed: object): ReturnType<ContractClient["read"]> {
  const { content, properties } = consumed as ConsumeMessage;
  return {
    body: content.toString(),
    headers: Object.entries(properties.headers ?? {}).flatMap(([name, held]) =>
      [held].flat().map((single) => [name, single === null ? null : String(single)] as const),
    ),
  };
}

class AmqplibConnection implements Connection {
  readonly clients: readonly object[];
  private readonly wrap: Wrap;
  private readonly confirms: boolean;
  private readonly url: string;
  private readonly connection: ChannelModel;
  private readonly channel: Channel;
  private readonly consumers = new Map<string, { channel: Channel; lanes: Lanes }>();
  /** Where the broker closes a channel that settles too late, and the application opens another. */
  private readonly hasty = new Set<string>();

  static async open(
    wrap: Wrap,
    url: string,
    api: "promises" | "callbacks",
  ): Promise<AmqplibConnection> {
    if (api === "promises") {
      const connection = wrap(await connect(url));
      const [channel, confirms] = [
        await connection.createChannel(),
        await connection.createConfirmChannel(),
      ];
      const clients = [connection, channel, confirms];
      return new AmqplibConnection(connection, channel, clients, wrap, url, false);
    }
    const connection = wrap(await connectWithCallbacks(url));
    const made = [connection.createChannel(() => {}), connection.createConfirmChannel(() => {})];
    const promised = promisedConnection(connection);
    const confirms = await promised.createConfirmChannel();
    return new AmqplibConnection(promised, confirms, [connection, ...made], wrap, url, true);
  }

  private constructor(
    connection: ChannelModel,
    channel: Channel,
    clients: readonly object[],
    wrap: Wrap,
    url: string,
    confirms: boolean,
  ) {
    this.confirms = confirms;
    this.wrap = wrap;
    this.url = url;
    this.connection = connection;
    this.channel = channel;
    this.clients = clients;
  }

  async destination(): Promise<string> {
    const queue = `contract-${randomUUID()}`;
    await this.channel.assertQueue(queue, { durable: false });
    return queue;
  }

  send(queue: string, messages: readonly object[]): unknown {
    const [message] = messages as [Sent];
    if (!this.confirms) return this.channel.sendToQueue(queue, message.content, message);
    const channel = this.channel as ConfirmChannel;
    return new Promise((resolve, reject) => {
      const returned = channel.sendToQueue(queue, message.content, message, (error: Error | null) =>
        error === null ? resolve(returned) : reject(error),
      );
    });
  }

  async sendFailing(_queue: string, messages: readonly object[]): Promise<unknown> {
    const [message] = messages as Sent[];
    const channel = await this.connection.createConfirmChannel();
    channel.on("error", () => {});
    return new Promise((resolve, reject) => {
      const confirmed = (error: Error | null): void =>
        error === null ? resolve(true) : reject(error);
      channel.publish("no such exchange", "", message?.content as Buffer, message, confirmed);
    });
  }

  async sendEmptyHeader(queue: string, parts: MessageParts, name: string): Promise<unknown> {
    const message = amqplibMessage(parts);
    const headers = { ...message.headers, [name]: null };
    return this.channel.sendToQueue(queue, message.content, { ...message, headers });
  }

  async consume(queue: string, { each, lanes: count, retries }: Consuming): Promise<void> {
    const channel = await this.connection.createChannel();
    // Where a message is not settled in time the broker closes it, and delivers that one again.
    let closed = false;
    channel.on("error", () => {});
    channel.once("close", () => void (closed = true));
    await channel.prefetch(count);
    const lanes = new Lanes();
    this.consumers.set(queue, { channel, lanes });
    const handle = (message: ConsumeMessage): unknown => each?.(message, message);
    const handler = retries === undefined ? handle : amqplib.withRetries(handle, retries);
    const settled = async (message: ConsumeMessage): Promise<void> => {
      let settle = (): unknown => channel.ack(message);
      try {
        await handler(message);
      } catch {
        settle = () => channel.nack(message);
      }
      if (!closed) settle();
    };
    if (retries === undefined) {
      const laneOf = ({ properties }: ConsumeMessage): string => String(properties.type);
      await channel.consume(
        queue,
        (message) => message && lanes.run(laneOf(message), () => settled(message)),
      );
      return;
    }
    // Attempts that open their own scopes are given to the client themselves.
    await channel.consume(
      queue,
      amqplib.withRetries(handle as (message: ConsumeMessage | null) => unknown, {
        ...retries,
        deadLetter: async (letter, _error, message) => {
          await retries.deadLetter(letter);
          channel.ack(message);
        },
      }),
    );
  }

  async hold(
    queue: string,
    take: (message: object, settling: Settling) => unknown,
  ): Promise<Holding> {
    const open = async (): Promise<Holding> => {
      const channel = await this.connection.createChannel();
      channel.on("error", () => {});
      const closed = new Promise<void>((resolve) => channel.once("close", resolve));
      await channel.consume(queue, (message) => {
        if (message === null) return undefined;
        return take(message, {
          // The callback API gives the channel, which is compared in a test of its own.
          ack: () => typeof channel.ack(message),
          refuse: (again) => typeof channel.nack(message, false, again),
        });
      });
      if (this.hasty.has(queue)) void closed.then(() => (last = ended ? last : open()));
      return {
        async close() {
          // The broker has closed it already where it was told something twice.
          await channel.close().catch(() => {});
          await closed;
        },
      };
    };
    let ended = false;
    let last = open();
    await last;
    return {
      async close() {
        ended = true;
        await (await last).close();
      },
    };
  }

  async hastyDestination(): Promise<string> {
    const queue = await this.destination();
    this.hasty.add(queue);
    return queue;
  }

  pull(queue: string): Promise<unknown> {
    return this.channel.get(queue, { noAck: true });
  }

  sendOn(queue: string, message: object): unknown {
    const { content, properties } = message as ConsumeMessage;
    return this.channel.sendToQueue(queue, content, properties);
  }

  async deadLettering(): Promise<{ destination: string; letters: string }> {
    const letters = await this.destination();
    const destination = `contract-${randomUUID()}`;
    const to = { deadLetterExchange: "", deadLetterRoutingKey: letters };
    await this.channel.assertQueue(destination, { durable: false, ...to });
    return { destination, letters };
  }

  async promised(): Promise<readonly [object, unknown][]> {
    const recovering = this.wrap(await connect(this.url, { recovery: true }));
    const came = await recovering.waitForConnect();
    await recovering.close();
    return [[recovering, came]];
  }

  async settled(queue: string): Promise<unknown> {
    const consumer = this.consumers.get(queue);
    await consumer?.lanes.idle();
    await consumer?.channel.close();
    const { messageCount } = await this.channel.checkQueue(queue);
    return { left: messageCount };
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}
