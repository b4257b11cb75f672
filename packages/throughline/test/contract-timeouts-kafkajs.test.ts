import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import { contractSuite } from "throughline/testing";
import { features } from "./features-kafkajs.ts";
import { kafkajsContract } from "./kafkajs-contract.ts";
import { tracing } from "./sdk.ts";

// The contract's claim on a handler that takes longer than its group waits, by itself: consumers
// that have three seconds go on losing it on a busy machine, and would disturb the other claims.

const brokers = process.env["KAFKA_BROKERS"]?.split(",");

if (brokers === undefined) {
  const reason = "no real Kafka: set KAFKA_BROKERS, or install java and mvn for npm test";
  test("kafkajs on Kafka keeps the contract on handlers that take too long", { skip: reason });
} else {
  const client = kafkajsContract({
    name: "kafkajs on Kafka",
    kafka: () => new Kafka({ brokers, logLevel: logLevel.NOTHING }),
  });
  let claims = 0;
  const claimed = (name: string, body: () => Promise<void>): void => {
    if (!name.includes("longer than its broker waits")) return;
    claims += 1;
    test(name, body);
  };
  contractSuite(claimed, client, features, { tracing, after, skip: () => {} });
  assert.equal(claims, 1, "the contract calls this claim by another name");
}
