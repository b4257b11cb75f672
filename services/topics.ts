import { Kafka, logLevel } from "kafkajs";

/** librdkafka's mock cluster names itself so; it has no topic administration. */
const EMBEDDED_CLUSTER = /^mockCluster/;

/**
 * Makes sure that topics exist. Topics that are there already stay as they are. On the embedded
 * Kafka, which creates a topic when a client first asks for it, they get its fixed number of
 * partitions (4), whatever is asked for.
 *
 * @param brokers `host:port`, several joined by commas.
 * @param topics Partitions by topic.
 * @returns The partitions that each topic really has.
 * @throws What kafkajs throws where the brokers can't be reached or refuse.
 * @example
 * await createTopics("127.0.0.1:9092", { orders: 3, "orders.dlq": 1 });
 */
export async function createTopics(
  brokers: string,
  topics: Record<string, number>,
): Promise<Record<string, number>> {
  const kafka = new Kafka({
    clientId: "topics",
    brokers: brokers.split(","),
    logLevel: logLevel.NOTHING,
  });
  const names = Object.keys(topics);
  const admin = kafka.admin();
  await admin.connect();
  try {
    if (EMBEDDED_CLUSTER.test((await admin.describeCluster()).clusterId)) {
      await askFor(kafka, names);
    } else {
      await admin.createTopics({
        waitForLeaders: false,
        topics: Object.entries(topics).map(([topic, numPartitions]) => ({ topic, numPartitions })),
      });
    }
    const found = await ledTopics(admin, names);
    return Object.fromEntries(found.map(({ name, partitions }) => [name, partitions.length]));
  } finally {
    await admin.disconnect();
  }
}

type Admin = ReturnType<Kafka["admin"]>;
type Topics = Awaited<ReturnType<Admin["fetchTopicMetadata"]>>["topics"];

const NOT_YET = new Set([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_FOR_PARTITION",
]);
const PATIENCE_MS = 20_000;
const STEP_MS = 25;

/**
 * The topics, once a broker leads each of their partitions. kafkajs's own wait (`waitForLeaders`)
 * fails where the broker has not heard of a topic yet, and Kafka tells nobody when it has. Who is
 * named as the leader need not know it yet: only a leader tells offsets.
 */
async function ledTopics(admin: Admin, names: string[]): Promise<Topics> {
  const latestMs = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: names });
      for (const { name } of topics) await admin.fetchTopicOffsets(name);
      return topics;
    } catch (error) {
      const { type } = error as { type?: string };
      if (type === undefined || !NOT_YET.has(type) || Date.now() > latestMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}

/** Subscribing asks for the topics' metadata with leave to create them; no group is joined. */
async function askFor(kafka: Kafka, topics: string[]): Promise<void> {
  const consumer = kafka.consumer({ groupId: "topics", allowAutoTopicCreation: true });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics });
  } finally {
    await consumer.disconnect();
  }
}
