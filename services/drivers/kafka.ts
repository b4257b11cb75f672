import type { ServiceDriver } from "../driver.ts";
import { kafkaAvailable, startKafka } from "../kafka/start.ts";

const driver: ServiceDriver = {
  name: "kafka",
  summary: "Kafka 4.1.1, one KRaft node; needs Java 17, and Maven the first time",
  sets: ["KAFKA_BROKERS"],
  unasked: true,
  absence: kafkaAvailable,
  async start(progress) {
    const kafka = await startKafka({ progress });
    return { env: { KAFKA_BROKERS: kafka.brokers }, stop: () => kafka.stop() };
  },
};

export default driver;
