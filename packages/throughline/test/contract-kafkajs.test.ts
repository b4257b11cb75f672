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
  const settlementTimeouts = "claimed in contract-timeouts-kafkajs.test.ts, by itself";
  const has = { ...features, settlementTimeouts };
  contractSuite((name, body) => test(name, body), client, has, {
    tracing,
    after,
    skip: (name, reason) => test(name, { skip: reason }),
  });
}
