import { randomUUID } from "node:crypto";
import type * as confluentPackage from "@confluentinc/kafka-javascript";
import type { KafkaJS } from "@confluentinc/kafka-javascript";
import { Kafka, logLevel } from "kafkajs";
import * as confluent from "throughline/confluent";
import type {
  Connection,
  Consuming,
  ContractClient,
  MessageParts,
  SendHow,
  Wrap,
} from "throughline/testing";
import { createTopic } from "../kafka-topic.ts";

// How the contract suite speaks with the promised interface of Confluent's client.

const LANES = 3;

type Package = typeof confluentPackage;

export function confluentContract(client: Package, brokers: string): ContractClient {
  return {
    name: "Confluent's KafkaJS on Kafka",
    system: "kafka",
    functions: confluent,
    open: (wrap) => ConfluentConnection.open(wrap, client, brokers),
    headers(list) {
      const headers: Record<string, string | string[]> = {};
      for (const [name, text] of list) {
        const held = headers[name];
        headers[name] = held === undefined ? text : [held, text].flat();
      }
      return headers;
    },
    message({ body, headers, lane = 0 }: MessageParts): KafkaJS.Message {
      const carrier = headers === undefined ? {} : { headers: headers as KafkaJS.IHeaders };
      return { value: body, partition: lane, ...carrier };
    },
    read(consumed) {
      const { value, headers } = consumed as KafkaJS.KafkaMessage;
      return {
        body: value === null ? null : value.toString(),
        headers: Object.entries<KafkaJS.IHeaders[string]>(headers ?? {}).flatMap(([name, held]) =>
          [held].flat().map((single) => [name, single?.toString() ?? null] as const),
        ),
      };
    },
    headersOf: (consumed) => (consumed as KafkaJS.KafkaMessage).headers ?? {},
    refused: () => ({ key: "no value" }),
  };
}

class ConfluentConnection implements Connection {
  readonly clients: readonly object[];
  private readonly kafka: KafkaJS.Kafka;
  private readonly brokers: string;
  private readonly client: Package;
  private readonly producers = new Map<string, Promise<KafkaJS.Producer>>();
  private readonly producer: KafkaJS.Producer;
  private readonly consumers = new Map<string, KafkaJS.Consumer>();

  static async open(wrap: Wrap, client: Package, brokers: string): Promise<ConfluentConnection> {
    const { NOTHING } = client.KafkaJS.logLevel;
    const config = { brokers: brokers.split(","), logLevel: NOTHING };
    const kafka = wrap(new client.KafkaJS.Kafka({ kafkaJS: config }));
    const producer = kafka.producer();
    await producer.connect();
    return new ConfluentConnection(kafka, producer, client, brokers);
  }

  private constructor(
    kafka: KafkaJS.Kafka,
    producer: KafkaJS.Producer,
    client: Package,
    brokers: string,
  ) {
    this.kafka = kafka;
    this.producer = producer;
    this.client = client;
    this.brokers = brokers;
    const consumer = kafka.consumer({ kafkaJS: { groupId: "unused" } });
    this.clients = [kafka, producer, consumer];
  }

  destination(): Promise<string> {
    return this.topic("contract-");
  }

  hastyDestination(): Promise<string> {
    return this.topic(HASTY);
  }

  private async topic(prefix: string): Promise<string> {
    const topic = `${prefix}${randomUUID()}`;
    const kafka = new Kafka({ brokers: this.brokers.split(","), logLevel: logLevel.NOTHING });
    await createTopic(kafka, topic, LANES);
    return topic;
  }

  async send(topic: string, messages: readonly object[], how: SendHow = {}): Promise<unknown> {
    const producer = how.compressed === true ? await this.compressing() : this.producer;
    return producer.send({ topic, messages: messages as KafkaJS.Message[] });
  }

  sendFailing(topic: string, messages: readonly object[]): Promise<unknown> {
    const unconnected = this.kafka.producer();
    return unconnected.send({ topic, messages: messages as KafkaJS.Message[] });
  }

  async consume(topic: string, { each, batch, lanes, retries }: Consuming): Promise<void> {
    const consumer = this.kafka.consumer({
      kafkaJS: {
        groupId: groupOf(topic),
        fromBeginning: true,
        maxWaitTimeInMs: 200,
        // The client gives a handler twice the rebalance timeout, its max.poll.interval.ms.
        ...(topic.startsWith(HASTY) && { sessionTimeout: 3000, rebalanceTimeout: 2000 }),
      },
    });
    this.consumers.set(topic, consumer);
    await consumer.connect();
    await consumer.subscribe({ topic });
    const eachMessage = async (payload: KafkaJS.EachMessagePayload): Promise<void> => {
      await each?.(payload.message, payload);
    };
    const partitionsConsumedConcurrently = lanes;
    if (batch !== undefined) {
      await consumer.run({
        partitionsConsumedConcurrently,
        eachBatch: (payload) => batch(payload.batch.messages, payload) as Promise<void>,
      });
      return;
    }
    await consumer.run({
      partitionsConsumedConcurrently,
      eachMessage:
        retries === undefined
          ? (payload) => each?.(payload.message, payload) as Promise<void>
          : confluent.withRetries(eachMessage, retries),
    });
  }

  async transact(
    end: "commit" | "abort",
    topic: string,
    messages: readonly object[],
  ): Promise<void> {
    const producer = await this.made("transactional", {
      transactionalId: `contract-${randomUUID()}`,
    });
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: messages as KafkaJS.Message[] });
    await transaction[end]();
  }

  async settled(topic: string): Promise<unknown> {
    await this.consumers.get(topic)?.disconnect();
    this.consumers.delete(topic);
    const admin = this.kafka.admin();
    await admin.connect();
    const [offsets] = await admin.fetchOffsets({ groupId: groupOf(topic), topics: [topic] });
    await admin.disconnect();
    return offsets?.partitions.map(({ partition, offset }) => [partition, offset]).toSorted();
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumers.values()].map((consumer) => consumer.disconnect()));
    const producers = await Promise.all(this.producers.values());
    await Promise.all([this.producer, ...producers].map((producer) => producer.disconnect()));
  }

  private compressing(): Promise<KafkaJS.Producer> {
    return this.made("compressing", { compression: this.client.KafkaJS.CompressionTypes.GZIP });
  }

  private made(what: string, kafkaJS: KafkaJS.ProducerConfig): Promise<KafkaJS.Producer> {
    let made = this.producers.get(what);
    if (made === undefined) {
      const producer = this.kafka.producer({ kafkaJS });
      this.producers.set(what, (made = producer.connect().then(() => producer)));
    }
    return made;
  }
}

/** Topics whose consumers have four seconds for a message. */
const HASTY = "contract-hasty-";

function groupOf(topic: string): string {
  return `group-of-${topic}`;
}
