import { randomUUID } from "node:crypto";
import {
  CompressionTypes,
  type Consumer,
  type EachMessagePayload,
  type IHeaders,
  type Kafka,
  type KafkaMessage,
  type Message,
  type Producer,
} from "kafkajs";
import * as kafkajs from "throughline/kafkajs";
import type {
  Connection,
  Consuming,
  ContractClient,
  MessageParts,
  SendHow,
  Wrap,
} from "throughline/testing";
import { createTopic } from "./kafka-topic.ts";

/** How the contract suite speaks with kafkajs, on whichever broker. */
export interface KafkajsOptions {
  readonly name: string;
  /** A new client. */
  readonly kafka: () => Kafka;
  /** The broker has no topic administration: a topic is made when it is first asked for. */
  readonly makesTopicsUnasked?: boolean;
  /** Adds a record with a header that kafkajs itself would not send. */
  readonly sendEmptyHeader?: (topic: string, message: Message, name: string) => void;
}

const LANES = 3;
/** kafkajs waits as long before it starts a consumer of the contract's again. */
const AGAIN_MS = 20;

export function kafkajsContract(options: KafkajsOptions): ContractClient {
  return {
    name: options.name,
    system: "kafka",
    functions: kafkajs,
    open: (wrap) => KafkajsConnection.open(wrap, options),
    headers(list) {
      const headers: Record<string, string | string[]> = {};
      for (const [name, text] of list) {
        const held = headers[name];
        headers[name] = held === undefined ? text : [held, text].flat();
      }
      return headers;
    },
    message,
    read(consumed) {
      const { value, headers = {} } = consumed as KafkaMessage;
      return {
        body: value === null ? null : value.toString(),
        headers: Object.entries(headers).flatMap(([name, held]) =>
          [held].flat().map((single) => [name, single?.toString() ?? null] as const),
        ),
      };
    },
    headersOf: (consumed) => (consumed as KafkaMessage).headers ?? {},
    refused: () => ({ key: "no value" }),
  };
}

function message({ body, headers, lane = 0 }: MessageParts): Message {
  const carrier = headers === undefined ? {} : { headers: headers as IHeaders };
  return { value: body, partition: lane, ...carrier };
}

class KafkajsConnection implements Connection {
  readonly clients: readonly object[];
  private readonly kafka: Kafka;
  private readonly producer: Producer;
  private readonly options: KafkajsOptions;
  private transactional: Producer | undefined;
  private readonly consumers = new Map<string, Consumer>();
  private closing = false;

  static async open(wrap: Wrap, options: KafkajsOptions): Promise<KafkajsConnection> {
    const kafka = wrap(options.kafka());
    const producer = kafka.producer();
    await producer.connect();
    return new KafkajsConnection(kafka, producer, options);
  }

  private constructor(kafka: Kafka, producer: Producer, options: KafkajsOptions) {
    this.kafka = kafka;
    this.producer = producer;
    this.options = options;
    this.clients = [kafka, producer, kafka.consumer({ groupId: "unused" })];
  }

  destination(): Promise<string> {
    return this.topic("contract-");
  }

  hastyDestination(): Promise<string> {
    return this.topic(HASTY);
  }

  private async topic(prefix: string): Promise<string> {
    const topic = `${prefix}${randomUUID()}`;
    if (this.options.makesTopicsUnasked === true) {
      const asking = this.kafka.consumer({
        groupId: `asking-${topic}`,
        allowAutoTopicCreation: true,
      });
      await asking.connect();
      await asking.subscribe({ topics: [topic] });
      await asking.disconnect();
      return topic;
    }
    await createTopic(this.kafka, topic, LANES);
    return topic;
  }

  send(topic: string, messages: readonly object[], how: SendHow = {}): Promise<unknown> {
    const compression = how.compressed === true ? { compression: CompressionTypes.GZIP } : {};
    return this.producer.send({ topic, messages: messages as Message[], ...compression });
  }

  sendFailing(topic: string, messages: readonly object[]): Promise<unknown> {
    const unconnected = this.kafka.producer();
    return unconnected.send({ topic, messages: messages as Message[] });
  }

  async consume(topic: string, consuming: Consuming): Promise<void> {
    const { each, batch, lanes, retries, failed } = consuming;
    const consumer = this.kafka.consumer({
      groupId: groupOf(topic),
      maxWaitTimeInMs: 200,
      // kafkajs sends no heartbeat while a handler runs: the session ends under one that takes longer.
      ...(topic.startsWith(HASTY) && { sessionTimeout: 3000, heartbeatInterval: 300 }),
      retry: {
        initialRetryTime: AGAIN_MS,
        // A failure that is to be reported ends the consumer, which is when kafkajs shows the error.
        retries: failed === undefined ? 10 : 0,
        // kafkajs restarts a consumer that fails while it disconnects too, and goes on for ever.
        restartOnFailure: async () => failed === undefined && !this.closing,
      },
    });
    this.consumers.set(topic, consumer);
    if (failed !== undefined) {
      consumer.on(consumer.events.CRASH, ({ payload }) => failed(payload.error.cause));
    }
    const eachMessage = (payload: EachMessagePayload): Promise<void> =>
      each?.(payload.message, payload) as Promise<void>;
    const partitionsConsumedConcurrently = lanes;
    const run = async (): Promise<void> => {
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      if (batch !== undefined) {
        await consumer.run({
          partitionsConsumedConcurrently,
          eachBatch: (payload) => batch(payload.batch.messages, payload) as Promise<void>,
        });
      } else {
        await consumer.run({
          partitionsConsumedConcurrently,
          eachMessage:
            retries === undefined ? eachMessage : kafkajs.withRetries(eachMessage, retries),
        });
      }
    };
    // kafkajs takes some of what a busy broker answers for final (no coordinator for a group), and
    // ends the consumer: every claim after that one would wait for messages in vain.
    const again = (): void => {
      if (this.closing) return;
      // The connection that it has just ended may end the new one as well.
      run().catch(() => setTimeout(again, AGAIN_MS));
    };
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart && failed === undefined) again();
    });
    await run();
  }

  async transact(
    end: "commit" | "abort",
    topic: string,
    messages: readonly object[],
  ): Promise<void> {
    if (this.transactional === undefined) {
      this.transactional = this.kafka.producer({
        transactionalId: `contract-${randomUUID()}`,
        idempotent: true,
        maxInFlightRequests: 1,
      });
      await this.transactional.connect();
    }
    const transaction = await this.transactional.transaction();
    await transaction.send({ topic, messages: messages as Message[] });
    await transaction[end]();
  }

  async sendEmptyHeader(topic: string, parts: MessageParts, name: string): Promise<void> {
    this.options.sendEmptyHeader?.(topic, message(parts), name);
  }

  async settled(topic: string): Promise<unknown> {
    await this.consumers.get(topic)?.stop();
    const admin = this.kafka.admin();
    await admin.connect();
    const [offsets] = await admin.fetchOffsets({ groupId: groupOf(topic), topics: [topic] });
    await admin.disconnect();
    return offsets?.partitions.map(({ partition, offset }) => [partition, offset]).toSorted();
  }

  async close(): Promise<void> {
    this.closing = true;
    await Promise.all([...this.consumers.values()].map((consumer) => consumer.disconnect()));
    await this.producer.disconnect();
    await this.transactional?.disconnect();
  }
}

/** Topics whose consumers have three seconds for a message. */
const HASTY = "contract-hasty-";

function groupOf(topic: string): string {
  return `group-of-${topic}`;
}
