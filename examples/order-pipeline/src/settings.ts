import { logLevel } from "kafkajs";

const { KAFKA_BROKERS } = process.env;

if (KAFKA_BROKERS === undefined) {
  console.error("KAFKA_BROKERS is not set: host:port of a Kafka broker. `npm start` sets it.");
  process.exit(2);
}

/** How each service reaches Kafka. */
export const kafkaSettings = {
  brokers: KAFKA_BROKERS.split(","),
  logLevel: logLevel.ERROR,
  retry: { initialRetryTime: 100, retries: 10 },
};

/** How long a consumer waits for more before it takes what there is: a demo should look alive. */
export const consumerSettings = { maxWaitTimeInMs: 100 };
