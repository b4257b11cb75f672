import { after, test } from "node:test";
import type * as confluentPackage from "@confluentinc/kafka-javascript";
import { contractSuite, type Features } from "throughline/testing";
import { tracing } from "../sdk.ts";
import { brokers, nativeClient, noKafka } from "./client.ts";
import { confluentContract } from "./confluent-contract.ts";

// The contract on a real Kafka, by the promised interface of Confluent's client.

const features: Features = {
  sendMany: true,
  batches: true,
  concurrency: "the client runs side by side only what one fetch brought, and first fetches one",
  loop: true,
  handlerErrors: true,
  redelivery: true,
  errorReports: "the client logs a handler's error as text, and gives it to nobody",
  settlement: true,
  ownSettlement: "offsets are committed, which are no message's own",
  refusing: "Kafka keeps its records: there is nothing to refuse",
  settlementTimeouts: "a record comes again when its group is assigned anew, and not by time",
  pulling: "the client hands records to handlers alone",
  sendingOn: "what the client sends and what it hands over are different objects",
  brokerDeadLetters: "Kafka dead-letters nothing by itself",
  promisesOfItself:
    "transaction() gives the producer itself, which the claim of transactions shows",
  retries: true,
  repeatedHeaders: true,
  emptyHeaders: "the client gives a header without a value as an empty one, and sends none",
  emptyTexts: true,
  tombstones: true,
  frozenMessages: "the bare client writes to the messages that it sends, and fails on frozen ones",
  compression: true,
  transactions: true,
  refusals: true,
  failedSends: true,
};

const name = "Confluent's KafkaJS on Kafka keeps the contract";
const client = nativeClient<typeof confluentPackage>("@confluentinc/kafka-javascript");
if ("reason" in client) test(name, { skip: client.reason });
else if (brokers === undefined) test(name, { skip: noKafka });
else {
  const contract = confluentContract(client.built, brokers);
  contractSuite((claim, body) => test(claim, body), contract, features, {
    tracing,
    after,
    skip: (claim, reason) => test(claim, { skip: reason }),
  });
}
