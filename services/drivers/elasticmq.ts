import type { ServiceDriver } from "../driver.ts";
import { elasticmqAvailable, startElasticmq } from "../elasticmq/start.ts";

const driver: ServiceDriver = {
  name: "elasticmq",
  summary: "ElasticMQ 1.6, an emulator of SQS; needs Java 11, and Maven the first time",
  sets: ["ELASTICMQ_ENDPOINT"],
  unasked: true,
  absence: elasticmqAvailable,
  async start(progress) {
    const elasticmq = await startElasticmq({ progress });
    return { env: { ELASTICMQ_ENDPOINT: elasticmq.endpoint }, stop: () => elasticmq.stop() };
  },
};

export default driver;
