import type { Kafka } from "kafkajs";

const NOT_YET = new Set(["UNKNOWN_TOPIC_OR_PARTITION", "LEADER_NOT_AVAILABLE"]);
const PATIENCE_MS = 20_000;
const STEP_MS = 25;

/**
 * Makes a topic and waits until a broker leads each of its partitions. kafkajs's own wait
 * (`waitForLeaders`) fails where the broker has not heard of the topic yet, and Kafka tells nobody
 * when it has: it has to be asked again.
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
    return true;
  } catch (error) {
    const { type } = error as { type?: string };
    if (type === undefined || !NOT_YET.has(type) || Date.now() > latestMs) throw error;
    return false;
  }
}
