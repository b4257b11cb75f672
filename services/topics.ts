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
        topics: Object.entries(topics).map(([topic, numPartitions]) => ({ topic, numPartitions })),
      });
    }
    const found = (await admin.fetchTopicMetadata({ topics: names })).topics;
    return Object.fromEntries(found.map(({ name, partitions }) => [name, partitions.length]));
  } finally {
    await admin.disconnect();
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
