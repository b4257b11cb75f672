import { EventEmitter } from "node:events";
import { randomUUID } from "node:crypto";
import { Kafka, logLevel } from "kafkajs";
import type { HighLevelProducer, KafkaConsumer, Message, Producer } from "node-rdkafka";
import type {
  ClientFunctions,
  Connection,
  Consuming,
  ContractClient,
  MessageParts,
  SendHow,
  Wrap,
} from "throughline/testing";
import { createTopic } from "../kafka-topic.ts";
import {
  answered,
  type Classic,
  type ClassicMessage,
  connected,
  disconnected,
  produced,
} from "./classic-clients.ts";

// How the contract suite speaks with the classic interface: listeners for `data`, consume(n) for
// batches, a commit for each message that was handled, the high-level producer to send.

const LANES = 3;

/** A read of consume(n) keeps one of libuv's threads for this long where there is nothing. */
const READ_MS = 50;

/** The part of a subpath that both clients' have for the classic interface. */
export type ClassicFunctions = ClientFunctions & {
  withRetries(
    handler: (message: Message) => unknown,
    policy: object,
  ): (message: Message) => unknown;
};

export function classicContract(
  name: string,
  client: Classic,
  functions: ClassicFunctions,
  brokers: string,
): ContractClient {
  // With this an emitter gives what its listeners reject with to those for `error`.
  EventEmitter.captureRejections = true;
  return {
    name,
    system: "kafka",
    functions: {
      ...functions,
      // produce() takes a message in parts: its headers stand for it.
      links(message, from) {
        functions.links((message as ClassicMessage).headers ?? [], from);
        return message;
      },
    },
    open: (wrap) => ClassicConnection.open(wrap, client, functions, brokers),
    headers: (list) => list.map(([header, text]) => ({ [header]: text })),
    message({ body, headers = [], lane = 0 }: MessageParts): ClassicMessage {
      const value = body === null ? null : Buffer.from(body);
      return { value, partition: lane, headers: headers as Record<string, string>[] };
    },
    read(consumed) {
      const { value, headers = [] } = consumed as Message;
      return {
        body: value === null ? null : value.toString(),
        headers: headers.flatMap((header) =>
          Object.entries(header).map(([header, held]) => [header, held.toString()] as const),
        ),
      };
    },
    headersOf: (consumed) => (consumed as Message).headers ?? [],
    refused: () => ({ value: "no bytes" }),
  };
}

class ClassicConnection implements Connection {
  readonly clients: readonly object[];
  private readonly wrap: Wrap;
  private readonly client: Classic;
  private readonly functions: ClassicFunctions;
  private readonly brokers: string;
  private readonly producer: HighLevelProducer;
  private compressing: HighLevelProducer | undefined;
  private transactional: Producer | undefined;
  private readonly consumers = new Map<string, KafkaConsumer>();
  private closing = false;

  static async open(
    wrap: Wrap,
    client: Classic,
    functions: ClassicFunctions,
    brokers: string,
  ): Promise<ClassicConnection> {
    const producer = wrap(new client.HighLevelProducer({ "bootstrap.servers": brokers }));
    await connected(producer);
    return new ClassicConnection(wrap, client, functions, brokers, producer);
  }

  private constructor(
    wrap: Wrap,
    client: Classic,
    functions: ClassicFunctions,
    brokers: string,
    producer: HighLevelProducer,
  ) {
    this.wrap = wrap;
    this.client = client;
    this.functions = functions;
    this.brokers = brokers;
    this.producer = producer;
    this.clients = [
      producer,
      wrap(new client.Producer({ "bootstrap.servers": brokers })),
      this.consumer("unused"),
    ];
  }

  async destination(): Promise<string> {
    const topic = `contract-${randomUUID()}`;
    const kafka = new Kafka({ brokers: this.brokers.split(","), logLevel: logLevel.NOTHING });
    await createTopic(kafka, topic, LANES);
    return topic;
  }

  async send(topic: string, messages: readonly object[], how: SendHow = {}): Promise<unknown> {
    const producer = how.compressed === true ? await this.gzip() : this.producer;
    return produced(producer, topic, messages[0] as ClassicMessage);
  }

  sendFailing(topic: string, messages: readonly object[]): Promise<unknown> {
    const unconnected = this.wrap(
      new this.client.HighLevelProducer({ "bootstrap.servers": this.brokers }),
    );
    return produced(unconnected, topic, messages[0] as ClassicMessage);
  }

  async consume(topic: string, { each, batch, retries, failed }: Consuming): Promise<void> {
    const consumer = this.consumer(`group-of-${topic}`);
    this.consumers.set(topic, consumer);
    consumer.on("error" as never, ((error: unknown) => failed?.(error)) as never);
    await connected(consumer);
    consumer.subscribe([topic]);
    if (batch !== undefined) {
      this.read(consumer, batch);
      return;
    }
    const handler = (message: Message): unknown => {
      let result: unknown;
      try {
        result = each?.(message, message);
      } catch (error) {
        // Thrown inside of a native callback it would end the process, with us and without.
        return Promise.reject(error);
      }
      if (!(result instanceof Promise)) {
        consumer.commitMessage(message);
        return result;
      }
      return result.then(() => void consumer.commitMessage(message));
    };
    consumer.on(
      "data",
      retries === undefined ? handler : this.functions.withRetries(handler, retries),
    );
    consumer.consume();
  }

  async transact(
    end: "commit" | "abort",
    topic: string,
    messages: readonly object[],
  ): Promise<void> {
    const producer = await this.inTransactions();
    await answered((callback) => producer.beginTransaction(callback));
    const { value, key, partition, headers } = messages[0] as ClassicMessage;
    producer.produce(topic, partition, value, key, null, undefined, headers);
    if (end === "commit") await answered((callback) => producer.commitTransaction(callback));
    else await answered((callback) => producer.abortTransaction(callback));
  }

  async settled(topic: string): Promise<unknown> {
    const consumer = this.consumers.get(topic);
    if (consumer !== undefined) await disconnected(consumer);
    const kafka = new Kafka({ brokers: this.brokers.split(","), logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    const group = { groupId: `group-of-${topic}`, topics: [topic] };
    const [offsets] = await admin.fetchOffsets(group);
    await admin.disconnect();
    return offsets?.partitions.map(({ partition, offset }) => [partition, offset]).toSorted();
  }

  async close(): Promise<void> {
    this.closing = true;
    const { producer, compressing, transactional } = this;
    const clients = [...this.consumers.values(), producer, compressing, transactional];
    const open = clients.filter((client) => client !== undefined);
    await Promise.all(open.map((client) => disconnected(client)));
  }

  /** Reads on and on, as an application does that wants to handle several messages at once. */
  private read(consumer: KafkaConsumer, batch: NonNullable<Consuming["batch"]>): void {
    consumer.setDefaultConsumeTimeout(READ_MS);
    const next = (): void => {
      if (this.closing) return;
      const handler = (_error: unknown, messages: Message[] = []): unknown => {
        if (messages.length > 0) return Promise.resolve(batch(messages, messages)).finally(next);
        setImmediate(next);
        return undefined;
      };
      consumer.consume(100, handler);
    };
    next();
  }

  private consumer(group: string): KafkaConsumer {
    const settings = {
      "bootstrap.servers": this.brokers,
      "group.id": group,
      "enable.auto.commit": false,
    };
    return this.wrap(new this.client.KafkaConsumer(settings, { "auto.offset.reset": "earliest" }));
  }

  private async gzip(): Promise<HighLevelProducer> {
    this.compressing ??= await connected(
      this.wrap(
        new this.client.HighLevelProducer({
          "bootstrap.servers": this.brokers,
          "compression.codec": "gzip",
        }),
      ),
    );
    return this.compressing;
  }

  private async inTransactions(): Promise<Producer> {
    if (this.transactional === undefined) {
      const producer = this.wrap(
        new this.client.Producer({
          "bootstrap.servers": this.brokers,
          "transactional.id": `contract-${randomUUID()}`,
        }),
      );
      this.transactional = await connected(producer);
      await answered((callback) => producer.initTransactions(callback));
    }
    return this.transactional;
  }
}
