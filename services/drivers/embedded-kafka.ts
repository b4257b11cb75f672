import type { ServiceDriver } from "../driver.ts";
import { startEmbeddedKafka } from "../embedded-kafka/start.ts";

const driver: ServiceDriver = {
  name: "embedded-kafka",
  summary: "librdkafka's mock cluster; in memory, no transactions, no topic administration",
  sets: ["KAFKA_BROKERS"],
  unasked: false,
  // What may lack is the native binding, and that shows only in the broker's own process.
  absence: () => Promise.resolve(undefined),
  async start() {
    const kafka = await startEmbeddedKafka();
    return { env: { KAFKA_BROKERS: kafka.brokers }, stop: () => kafka.stop() };
  },
};

export default driver;
