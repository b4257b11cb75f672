import { randomUUID } from "node:crypto";
import {
  Admin,
  Consumer,
  type Message,
  type MessagesStream,
  type MessageToProduce,
  Producer,
  stringDeserializers,
  stringSerializers,
} from "@platformatic/kafka";
import * as platformatic from "throughline/platformatic";
import type { Connection, Consuming, ContractClient, SendHow, Wrap } from "throughline/testing";

/** How the contract suite speaks with @platformatic/kafka, on whichever broker. */
export interface PlatformaticOptions {
  readonly name: string;
  readonly bootstrapBrokers: string[];
  /** What the serializers take: text, with headers as an object; or bytes, the default, in a Map. */
  readonly form: "text" | "bytes";
  /** The broker has no topic administration: a topic is made when it is first asked for. */
  readonly makesTopicsUnasked?: boolean;
}

type Sent = MessageToProduce<Text, Text, Text, Text>;
type Text = string | Buffer | undefined;
type Received = Message<Text, Text, Text, Text>;
type AnyProducer = Producer<Text, Text, Text, Text>;
type AnyConsumer = Consumer<Text, Text, Text, Text>;

const LANES = 3;

/** A message of this client names its topic; the suite says it only when it sends one. */
const topics = new WeakMap<object, string>();

export function platformaticContract(options: PlatformaticOptions): ContractClient {
  const { form, name } = options;
  const written = (text: string): string | Buffer => (form === "text" ? text : Buffer.from(text));
  return {
    name,
    system: "kafka",
    functions: platformatic,
    open: (wrap) => PlatformaticConnection.open(wrap, options),
    headers: (list) =>
      form === "text"
        ? Object.fromEntries(list)
        : new Map(list.map(([each, text]) => [Buffer.from(each), Buffer.from(text)])),
    message: ({ body, headers, lane = 0 }) => ({
      get topic() {
        return topics.get(this);
      },
      value: body === null ? null : written(body),
      partition: lane,
      ...(headers === undefined ? {} : { headers }),
    }),
    read(consumed) {
      const { value, headerEntries } = consumed as Received;
      return {
        body: value?.toString() ?? null,
        headers: headerEntries.map(
          ([each, held]) => [String(each), held?.toString() ?? null] as const,
        ),
      };
    },
    comparable: (result) =>
      JSON.stringify(result, (_name, held: unknown) =>
        typeof held === "bigint" ? String(held) : held,
      ),
    headersOf: (consumed) => (consumed as Received).headers,
    refused: () => ({ key: written("no value") }),
  };
}

class PlatformaticConnection implements Connection {
  readonly clients: readonly object[];
  private readonly wrap: Wrap;
  private readonly options: PlatformaticOptions;
  private readonly producer: AnyProducer;
  private transactional: AnyProducer | undefined;
  private readonly consumers = new Map<string, AnyConsumer>();
  private readonly loops: Promise<void>[] = [];

  static async open(wrap: Wrap, options: PlatformaticOptions): Promise<PlatformaticConnection> {
    return new PlatformaticConnection(wrap, options);
  }

  private constructor(wrap: Wrap, options: PlatformaticOptions) {
    this.wrap = wrap;
    this.options = options;
    this.producer = wrap(this.makeProducer());
    this.clients = [this.producer, wrap(this.makeConsumer("unused"))];
  }

  private get base(): { clientId: string; bootstrapBrokers: string[]; autocreateTopics: boolean } {
    const { bootstrapBrokers, makesTopicsUnasked: autocreateTopics = false } = this.options;
    return { clientId: "contract", bootstrapBrokers, autocreateTopics };
  }

  private makeProducer(more: object = {}): AnyProducer {
    const serializers = this.options.form === "text" ? { serializers: stringSerializers } : {};
    // The client checks what it is given only where it is asked to.
    const strict = this.options.form === "bytes";
    return new Producer({ ...this.base, ...serializers, strict, ...more }) as AnyProducer;
  }

  private makeConsumer(groupId: string): AnyConsumer {
    const deserializers =
      this.options.form === "text" ? { deserializers: stringDeserializers } : {};
    return new Consumer({
      ...this.base,
      ...deserializers,
      groupId,
      maxWaitTime: 200,
      minBytes: 1,
    }) as AnyConsumer;
  }

  async destination(): Promise<string> {
    const topic = `contract-${randomUUID()}`;
    const admin = new Admin(this.base);
    if (this.options.makesTopicsUnasked === true) {
      await admin.metadata({ topics: [topic], autocreateTopics: true });
    } else await admin.createTopics({ topics: [topic], partitions: LANES, replicas: 1 });
    await admin.close();
    return topic;
  }

  send(topic: string, messages: readonly object[], how: SendHow = {}): Promise<unknown> {
    const compression = how.compressed === true ? { compression: "gzip" as const } : {};
    return this.producer.send({ messages: addressed(messages, topic), acks: -1, ...compression });
  }

  sendFailing(topic: string, messages: readonly object[]): Promise<unknown> {
    const nowhere = { bootstrapBrokers: ["127.0.0.1:1"], retries: 0, connectTimeout: 500 };
    const producer = this.wrap(this.makeProducer(nowhere));
    return producer
      .send({ messages: addressed(messages, topic) })
      .finally(() => void producer.close());
  }

  async consume(topic: string, consuming: Consuming): Promise<void> {
    const made = this.makeConsumer(`group-of-${topic}`);
    const consumer = this.wrap(made);
    this.consumers.set(topic, consumer);
    const stream = await open(consumer, topic);
    this.loops.push(this.loop(consumer, stream, topic, consuming, consumer !== made));
  }

  /** The loop that an application writes: lanes side by side, each message committed when it is handled. */
  private async loop(
    consumer: AnyConsumer,
    from: MessagesStream<Text, Text, Text, Text>,
    topic: string,
    { each, retries, lanes }: Consuming,
    traced: boolean,
  ): Promise<void> {
    const { processMessage, withRetries } = platformatic;
    const resilient = retries && withRetries((message) => each?.(message, message), retries);
    const handle = (message: Received): unknown => {
      if (resilient !== undefined) return resilient(message);
      return traced
        ? processMessage(message, () => each?.(message, message))
        : each?.(message, message);
    };
    const lane = new Map<number, Promise<void>>();
    let failed = false;
    for await (const message of from) {
      const before = (lanes > 1 && lane.get(message.partition)) || Promise.resolve();
      const work = before.then(async () => {
        if (failed) return;
        try {
          await handle(message);
          await message.commit();
        } catch {
          failed = true;
        }
      });
      lane.set(message.partition, work);
      if (lanes === 1) await work;
      else void work.then(() => (failed ? from.close() : undefined));
      if (failed) break;
    }
    await Promise.all(lane.values());
    // What was not committed is read again.
    if (failed && !consumer.closed) {
      await from.close();
      await this.loop(
        consumer,
        await open(consumer, topic),
        topic,
        { each, lanes } as Consuming,
        traced,
      );
    }
  }

  async transact(
    end: "commit" | "abort",
    topic: string,
    messages: readonly object[],
  ): Promise<void> {
    this.transactional ??= this.wrap(
      this.makeProducer({ transactionalId: `contract-${randomUUID()}`, idempotent: true }),
    );
    const transaction = await this.transactional.beginTransaction();
    await transaction.send({ messages: addressed(messages, topic) });
    await transaction[end]();
  }

  async sendEmptyHeader(
    topic: string,
    parts: Parameters<NonNullable<Connection["sendEmptyHeader"]>>[1],
    name: string,
  ): Promise<void> {
    const { form } = this.options;
    const headers =
      form === "text"
        ? new Map<Text, Text>(Object.entries(parts.headers ?? {}))
        : new Map<Text, Text>(parts.headers as Map<Buffer, Buffer>);
    headers.set(form === "text" ? name : Buffer.from(name), undefined);
    const value = form === "text" ? (parts.body ?? "") : Buffer.from(parts.body ?? "");
    await this.producer.send({
      messages: [{ topic, value, partition: 0, headers }],
      acks: -1,
    });
  }

  async settled(topic: string): Promise<unknown> {
    const consumer = this.consumers.get(topic);
    const listed = await consumer?.listCommittedOffsets({
      topics: [{ topic, partitions: [0, 1, 2] }],
    });
    return listed?.get(topic)?.map(String);
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => (client as AnyConsumer).close(true)));
    await Promise.all([...this.consumers.values()].map((consumer) => consumer.close(true)));
    await this.transactional?.close();
    await Promise.all(this.loops);
  }
}

function addressed(messages: readonly object[], topic: string): Sent[] {
  return messages.map((message) => {
    topics.set(message, topic);
    return ("topic" in message ? message : { ...message, topic }) as Sent;
  });
}

/** Resolves when the stream knows where it begins. */
async function open(
  consumer: AnyConsumer,
  topic: string,
): Promise<MessagesStream<Text, Text, Text, Text>> {
  const stream = await consumer.consume({
    topics: [topic],
    mode: "committed",
    fallbackMode: "earliest",
    autocommit: false,
    isolationLevel: 1,
  });
  return stream;
}
