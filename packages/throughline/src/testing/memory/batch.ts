import type { Batch, KafkaMessage } from "kafkajs";
import { copy, decodeHeaders } from "./encode.ts";
import { isMessage, type LogRecord } from "./log.ts";

/**
 * A record as kafkajs delivers it: a new object each time it is delivered.
 *
 * @param batchContext kafkajs gives all records of a batch the same one.
 */
export function deliver(record: LogRecord, batchContext: object): KafkaMessage {
  const { key = null, value = null, headers = [] } = record.message ?? {};
  const message = {
    magicByte: 2,
    attributes: 0,
    timestamp: String(record.timestampMs),
    offset: String(record.offset),
    key: copy(key),
    value: copy(value),
    headers: decodeHeaders(headers),
    isControlRecord: record.message === undefined,
    batchContext,
  };
  return message;
}

/** Records of one partition, as kafkajs hands them over: a class instance, as there. */
export class MemoryBatch implements Batch {
  readonly topic: string;
  readonly partition: number;
  readonly highWatermark: string;
  readonly messages: KafkaMessage[];
  private readonly records: readonly LogRecord[];

  constructor(topic: string, partition: number, end: number, records: readonly LogRecord[]) {
    this.topic = topic;
    this.partition = partition;
    this.highWatermark = String(end);
    this.records = records;
    const batchContext = { firstOffset: this.firstOffset(), magicByte: 2, isControlBatch: false };
    this.messages = records.filter(isMessage).map((record) => deliver(record, batchContext));
  }

  isEmpty(): boolean {
    return this.messages.length === 0;
  }

  firstOffset(): string | null {
    return String(this.records[0]?.offset ?? null);
  }

  /** Of the last record, be it one that the application does not see. */
  lastOffset(): string {
    return String(this.records.at(-1)?.offset ?? Number(this.highWatermark) - 1);
  }

  offsetLag(): string {
    return String(Number(this.highWatermark) - 1 - Number(this.lastOffset()));
  }

  offsetLagLow(): string {
    return String(Number(this.highWatermark) - 1 - Number(this.firstOffset()));
  }
}
