// kafkajs's own producer and its own encoder, on a cluster that stands in for the network: what a
// broker would get is decoded again by kafkajs.
import { createRequire } from "node:module";
import type { ICustomPartitioner, Producer } from "kafkajs";

const inKafkajs = createRequire(import.meta.url);
const createProducer = inKafkajs("kafkajs/src/producer") as (parts: object) => Producer;
const produceRequest = inKafkajs("kafkajs/src/protocol/requests/produce/v3/request") as (
  request: object,
) => { encode(): Promise<{ buffer: Buffer }> };
const Decoder = inKafkajs("kafkajs/src/protocol/decoder") as new (buffer: Buffer) => WireDecoder;
const decodeBatch = inKafkajs("kafkajs/src/protocol/recordBatch/v0/decoder") as (
  decoder: WireDecoder,
) => Promise<{ records: WireRecord[] }>;

interface WireDecoder {
  readString(): string | null;
  readInt16(): number;
  readInt32(): number;
}
interface WireRecord {
  key: Buffer | null;
  value: Buffer | null;
  timestamp: string;
  headers: Record<string, unknown>;
}

/** One record as it reached the broker. */
export interface Sent extends WireRecord {
  readonly topic: string | null;
  readonly partition: number;
}

export const PARTITIONS = 5;
const LEADER = "0";

/** A connected producer of kafkajs's, and what it has sent. */
export async function encodingProducer(
  createPartitioner: ICustomPartitioner,
): Promise<{ client: Producer; sent: Sent[] }> {
  const sent: Sent[] = [];
  const broker = {
    nodeId: LEADER,
    async produce(request: object) {
      const { buffer } = await produceRequest({ acks: -1, timeout: 1000, ...request }).encode();
      sent.push(...(await decode(buffer)));
      return { topics: [] };
    },
  };
  const ids = Array.from({ length: PARTITIONS }, (_, partitionId) => partitionId);
  const cluster = {
    retry: { retries: 0 },
    connect: async () => {},
    disconnect: async () => {},
    isConnected: () => true,
    refreshMetadata: async () => {},
    refreshMetadataIfNecessary: async () => {},
    addMultipleTargetTopics: async () => {},
    findTopicPartitionMetadata: () => ids.map((partitionId) => ({ partitionId, leader: 0 })),
    findLeaderForPartitions: (_topic: string, partitions: string[]) => ({
      [LEADER]: partitions.map(Number),
    }),
    findBroker: async () => broker,
    removeBroker: () => {},
  };
  const silent = { info() {}, warn() {}, error() {}, debug() {}, namespace: () => silent };
  const client = createProducer({ cluster, logger: silent, createPartitioner });
  await client.connect();
  return { client, sent };
}

async function decode(buffer: Buffer): Promise<Sent[]> {
  const decoder = new Decoder(buffer);
  decoder.readString();
  decoder.readInt16();
  decoder.readInt32();
  const records: Sent[] = [];
  for (let topics = decoder.readInt32(); topics > 0; topics--) {
    const topic = decoder.readString();
    for (let partitions = decoder.readInt32(); partitions > 0; partitions--) {
      const partition = decoder.readInt32();
      decoder.readInt32();
      const batch = await decodeBatch(decoder);
      for (const { key, value, timestamp, headers } of batch.records) {
        records.push({ topic, partition, key, value, timestamp, headers });
      }
    }
  }
  return records;
}
