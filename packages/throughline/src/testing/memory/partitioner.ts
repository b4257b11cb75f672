import type { ICustomPartitioner } from "kafkajs";

/**
 * Kafka's own choice: the partition that a message names, else one by its key's hash, else each in
 * turn, from the first.
 */
export const keyedPartitioner: ICustomPartitioner = () => {
  const turns = new Map<string, number>();
  return ({ topic, partitionMetadata: { length: partitions }, message }) => {
    const { partition, key } = message;
    if (partition !== undefined && partition !== null) return partition;
    if (key !== undefined && key !== null) {
      return (murmur2(Buffer.from(key as string)) & 0x7fffffff) % partitions;
    }
    const turn = turns.get(topic) ?? 0;
    turns.set(topic, turn + 1);
    return turn % partitions;
  };
};

const M = 0x5bd1e995;

/** The 32-bit MurmurHash2 with Kafka's seed. */
function murmur2(bytes: Buffer): number {
  const wholeWords = bytes.length & ~3;
  let hash = 0x9747b28c ^ bytes.length;
  for (let at = 0; at < wholeWords; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), M);
    word = Math.imul(word ^ (word >>> 24), M);
    hash = Math.imul(hash, M) ^ word;
  }
  if (wholeWords < bytes.length) {
    for (let at = wholeWords; at < bytes.length; at++) {
      hash ^= (bytes[at] as number) << (8 * (at - wholeWords));
    }
    hash = Math.imul(hash, M);
  }
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}
