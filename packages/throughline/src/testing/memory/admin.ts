import type { Admin } from "kafkajs";
import { MemoryKafkaError, refusal } from "./errors.ts";
import type { BrokerState } from "./state.ts";

type Offered =
  | "connect"
  | "disconnect"
  | "createTopics"
  | "listTopics"
  | "fetchOffsets"
  | "fetchTopicMetadata"
  | "fetchTopicOffsets";

/** The part of kafkajs's admin client that an application's start and a test's checks use. */
export function memoryAdmin(state: BrokerState): Admin {
  const { log } = state;
  const offered: Pick<Admin, Offered> = {
    connect: async () => {},
    disconnect: async () => {},
    createTopics: async ({ topics }) =>
      topics.map(({ topic, numPartitions }) => log.create(topic, numPartitions)).every(Boolean),
    listTopics: async () => log.names(),
    async fetchTopicMetadata({ topics } = { topics: [] }) {
      const known = log.names();
      if (topics.some((topic) => !known.includes(topic))) throw unknownTopic();
      const wanted = topics.length > 0 ? topics : known;
      return { topics: wanted.map((name) => ({ name, partitions: log.metadata(name) })) };
    },
    async fetchTopicOffsets(topic) {
      return log.partitions(topic).map(({ end }, partition) => {
        const high = String(end);
        return { partition, offset: high, high, low: "0" };
      });
    },
    async fetchOffsets({ groupId, topics = log.names() }) {
      return topics.map((topic) => ({
        topic,
        partitions: log.partitions(topic).map((_, partition) => {
          const offset = String(state.group(groupId).committed(topic, partition) ?? -1);
          return { partition, offset, metadata: null };
        }),
      }));
    },
  };
  // A test that needs more hears of it, rather than of an undefined that is not a function.
  return new Proxy(offered as Admin, {
    get(target, name) {
      if (name in target || typeof name !== "string" || name === "then")
        return Reflect.get(target, name);
      return () => {
        const has = Object.keys(offered).join(", ");
        throw refusal(`The memory broker's admin has no ${name}(). It has ${has}`);
      };
    },
  });
}

function unknownTopic(): MemoryKafkaError {
  const text = "This server does not host this topic-partition";
  const error = new MemoryKafkaError("KafkaJSProtocolError", text, true);
  return Object.assign(error, { type: "UNKNOWN_TOPIC_OR_PARTITION", code: 3 });
}
