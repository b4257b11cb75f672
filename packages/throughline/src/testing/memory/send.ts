import type {
  ICustomPartitioner,
  Message,
  ProducerBatch,
  ProducerRecord,
  RecordMetadata,
} from "kafkajs";
import { type Encoded, encode } from "./encode.ts";
import { MemoryKafkaError, refusal } from "./errors.ts";
import type { Partition, TransactionState } from "./log.ts";
import type { BrokerState } from "./state.ts";

/** What a producer and its transactions send by. */
export interface Sending {
  readonly state: BrokerState;
  readonly partitioner: ReturnType<ICustomPartitioner>;
  isConnected(): boolean;
}

/** One record on its way to a partition. */
interface Placed {
  readonly topic: string;
  readonly at: number;
  readonly partition: Partition;
  readonly encoded: Encoded;
  readonly timestampMs: number;
}

/** `send` and `sendBatch` of a producer, or of a transaction that is told what it wrote to. */
export function senderOf(
  sending: Sending,
  transaction?: { readonly state: TransactionState; wroteTo(partition: Partition): void },
): {
  send(record: ProducerRecord): Promise<RecordMetadata[]>;
  sendBatch(batch: ProducerBatch): Promise<RecordMetadata[]>;
} {
  // All records of a call are encoded before the first is kept: it succeeds as a whole or not at all.
  const sendBatch = async ({
    topicMessages = [],
    acks,
  }: ProducerBatch): Promise<RecordMetadata[]> => {
    check(topicMessages);
    if (!sending.isConnected()) {
      throw new MemoryKafkaError("KafkaJSError", "The producer is disconnected", true);
    }
    const placed = topicMessages.flatMap(({ topic, messages }) =>
      messages.map((message) => place(topic, message, sending)),
    );
    const written = new Map<Partition, RecordMetadata>();
    for (const { topic, at, partition, encoded, timestampMs } of placed) {
      const { offset } = partition.append(encoded, timestampMs, transaction?.state);
      transaction?.wroteTo(partition);
      if (!written.has(partition)) written.set(partition, metadata(topic, at, offset));
    }
    sending.state.running.wake();
    return acks === 0 ? [] : [...written.values()];
  };
  return {
    send: async ({ topic, messages, ...how }) =>
      sendBatch({ ...how, topicMessages: [{ topic, messages }] }),
    sendBatch,
  };
}

function place(topic: string, message: Message, { state, partitioner }: Sending): Placed {
  const at = partitioner({ topic, partitionMetadata: state.log.metadata(topic), message });
  const { timestamp } = message;
  return {
    topic,
    at,
    partition: state.log.partition(topic, at),
    encoded: encode(message),
    timestampMs: timestamp === undefined ? Date.now() : Number(timestamp),
  };
}

function check(topicMessages: NonNullable<ProducerBatch["topicMessages"]>): void {
  if (topicMessages.some(({ topic }) => !topic)) throw refusal("Invalid topic");
  for (const { topic, messages } of topicMessages) {
    if (!messages) {
      throw refusal(`Invalid messages array [${String(messages)}] for topic "${topic}"`);
    }
    const without = messages.find(({ value }) => value === undefined);
    if (without !== undefined) {
      const text = JSON.stringify(without);
      throw refusal(`Invalid message without value for topic "${topic}": ${text}`);
    }
  }
}

function metadata(topicName: string, partition: number, offset: number): RecordMetadata {
  return {
    topicName,
    partition,
    errorCode: 0,
    baseOffset: String(offset),
    logAppendTime: "-1",
    logStartOffset: "0",
  };
}
