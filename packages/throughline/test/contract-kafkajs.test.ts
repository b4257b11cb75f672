import { after, test } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import { contractSuite, type Features } from "throughline/testing";
import { kafkajsContract } from "./kafkajs-contract.ts";
import { tracing } from "./sdk.ts";

// The contract on a real Kafka.

const brokers = process.env["KAFKA_BROKERS"]?.split(",");

const features: Features = {
  sendMany: true,
  batches: true,
  concurrency: true,
  loop: true,
  handlerErrors: true,
  redelivery: true,
  errorReports: true,
  settlement: true,
  ownSettlement: "kafkajs commits offsets, which are no message's own",
  refusing: "Kafka keeps its records: there is nothing to refuse",
  settlementTimeouts: "a record comes again when its group is assigned anew, and not by time",
  pulling: "kafkajs hands records to handlers alone",
  sendingOn: "what kafkajs sends and what it hands over are different objects",
  brokerDeadLetters: "Kafka dead-letters nothing by itself",
  promisesOfItself: "kafkajs has no such promise",
  retries: true,
  repeatedHeaders: true,
  emptyHeaders: "kafkajs refuses to send a header without a value; the contract in memory has it",
  emptyTexts: true,
  tombstones: true,
  frozenMessages: true,
  compression: true,
  transactions: true,
  refusals: true,
  failedSends: true,
};

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
