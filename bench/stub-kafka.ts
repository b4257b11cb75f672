import type { ConsumerRunConfig } from "kafkajs";

export interface StubConfig {
  /** Given the configuration that reaches the consumer's own run(): what the runner would call. */
  readonly onRun?: (config: ConsumerRunConfig) => void;
}

const unsubscribe = (): void => {};
const settled = async (): Promise<void> => {};

/**
 * A kafkajs Kafka without a broker: as much of it as an instrumentation and a traced client look
 * at. Its producers' broker accepts everything at once.
 */
export class StubKafka {
  private readonly config: StubConfig;

  constructor(config: StubConfig) {
    this.config = config;
  }

  consumer(_config: object): object {
    return {
      events: { GROUP_JOIN: "consumer.group_join", REQUEST: "consumer.network.request" },
      on: () => unsubscribe,
      subscribe: settled,
      commitOffsets: settled,
      run: async (config: ConsumerRunConfig) => this.config.onRun?.(config),
    };
  }

  producer(_config?: object): object {
    return {
      events: { REQUEST: "producer.network.request" },
      on: () => unsubscribe,
      transaction: settled,
      sendBatch: settled,
      send: async ({ topic }: { topic: string }) => [
        { topicName: topic, partition: 0, errorCode: 0, baseOffset: "0" },
      ],
    };
  }
}
