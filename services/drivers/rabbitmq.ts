import type { ServiceDriver } from "../driver.ts";
import { rabbitmqAvailable, startRabbitmq } from "../rabbitmq/start.ts";

const driver: ServiceDriver = {
  name: "rabbitmq",
  summary: "RabbitMQ 3.10, one node; needs Debian's package rabbitmq-server",
  sets: ["AMQP_URL"],
  unasked: true,
  absence: rabbitmqAvailable,
  async start(progress) {
    const rabbitmq = await startRabbitmq({ progress });
    return { env: { AMQP_URL: rabbitmq.url }, stop: () => rabbitmq.stop() };
  },
};

export default driver;
