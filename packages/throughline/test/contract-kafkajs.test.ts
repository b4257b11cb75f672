import { after, test } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import { contractSuite } from "throughline/testing";
import { kafkajsContract } from "./kafkajs-contract.ts";
import { tracing } from "./sdk.ts";
import { features } from "./features-kafkajs.ts";

// The contract on a real Kafka.

const brokers = process.env["KAFKA_BROKERS"]?.split(",");

if (brokers === undefined) {
  const reason = "no real Kafka: set KAFKA_BROKERS, or install java and mvn for npm test";
  test("kafkajs on Kafka keeps the contract", { skip: reason });
} else {
  const client = kafkajsContract({
    name: "kafkajs on Kafka",
    kafka: () => new Kafka({ brokers, logLevel: logLevel.NOTHING }),
  });
  contractSuite((name, body) => test(name, body), client, features, {
    tracing,
    after,
    skip: (name, reason) => test(name, { skip: reason }),
  });
}
