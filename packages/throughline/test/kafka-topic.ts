import type { Kafka } from "kafkajs";

const NOT_YET = new Set([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_FOR_PARTITION",
]);
const PATIENCE_MS = 20_000;
const STEP_MS = 25;

/**
 * Makes a topic and waits until a broker leads each of its partitions. kafkajs's own wait
 * (`waitForLeaders`) fails where the broker has not heard of the topic yet, and Kafka tells nobody
 * when it has: it has to be asked again. Who is named as the leader need not know it yet, and
 * refuses records until then, which makes kafkajs send what others took once more: only a leader
 * tells offsets.
 */
export async function createTopic(kafka: Kafka, topic: string, partitions: number): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic, numPartitions: partitions }],
    });
    const latestMs = Date.now() + PATIENCE_MS;
    while (!(await isLed(admin, topic, latestMs))) {
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
  } finally {
    await admin.disconnect();
  }
}

async function isLed(
  admin: ReturnType<Kafka["admin"]>,
  topic: string,
  latestMs: number,
): Promise<boolean> {
  try {
    await admin.fetchTopicMetadata({ topics: [topic] });
    await admin.fetchTopicOffsets(topic);
    return true;
  } catch (error) {
    const { type } = error as { type?: string };
    if (type === undefined || !NOT_YET.has(type) || Date.now() > latestMs) throw error;
    return false;
  }
}
