import type { PartitionMetadata } from "kafkajs";
import type { Encoded } from "./encode.ts";
import { refusal } from "./errors.ts";

/** Whether what a transaction wrote may be read. */
export interface TransactionState {
  outcome: "open" | "committed" | "aborted";
}

/** One record of a partition; a marker that ends a transaction has no message. */
export interface LogRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly message: Encoded | undefined;
  readonly transaction: TransactionState | undefined;
}

/** The records of one partition, in order; offsets count from 0. */
export class Partition {
  private readonly records: LogRecord[] = [];

  /** The offset that the next record will get: Kafka's high watermark. */
  get end(): number {
    return this.records.length;
  }

  append(
    message: Encoded | undefined,
    timestampMs: number,
    transaction?: TransactionState,
  ): LogRecord {
    const record = { offset: this.end, timestampMs, message, transaction };
    this.records.push(record);
    return record;
  }

  /** What a reader of committed records sees from an offset on, markers and aborted ones included. */
  read(from: number): readonly LogRecord[] {
    const ahead = this.records.slice(from);
    const open = ahead.findIndex(({ transaction }) => transaction?.outcome === "open");
    return open < 0 ? ahead : ahead.slice(0, open);
  }
}

/** Whether a record is the application's business: a message, and not of an aborted transaction. */
export function isMessage(record: LogRecord): record is LogRecord & { message: Encoded } {
  return record.message !== undefined && record.transaction?.outcome !== "aborted";
}

/** All topics of a broker. A topic that is first heard of is made, as Kafka by default does. */
export class Log {
  private readonly topics = new Map<string, readonly Partition[]>();
  private readonly defaultPartitions: number;

  constructor(defaultPartitions: number) {
    this.defaultPartitions = defaultPartitions;
  }

  /** Makes a topic; false where there is one of that name. */
  create(topic: string, partitions: number = this.defaultPartitions): boolean {
    if (this.topics.has(topic)) return false;
    this.topics.set(
      topic,
      Array.from({ length: partitions }, () => new Partition()),
    );
    return true;
  }

  names(): string[] {
    return [...this.topics.keys()];
  }

  partitions(topic: string): readonly Partition[] {
    this.create(topic);
    return this.topics.get(topic) as readonly Partition[];
  }

  /** A topic's partitions as a partitioner is shown them; one broker leads them all. */
  metadata(topic: string): PartitionMetadata[] {
    return this.partitions(topic).map((_, partitionId) => ({
      partitionErrorCode: 0,
      partitionId,
      leader: 0,
      replicas: [0],
      isr: [0],
      offlineReplicas: [],
    }));
  }

  /** @throws MemoryKafkaError where the topic has no such partition. */
  partition(topic: string, partition: number): Partition {
    const found = this.partitions(topic)[partition];
    if (found === undefined) {
      const { length } = this.partitions(topic);
      throw refusal(`Topic ${topic} has no partition ${partition}: it has ${length}`);
    }
    return found;
  }
}
