import { after, test } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import { contractSuite, type Features } from "throughline/testing";
import { kafkajsContract } from "./kafkajs-contract.ts";
import { tracing } from "./sdk.ts";

// The contract on the embedded Kafka of the demo, but for what that lacks.

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
  transactions: "the embedded Kafka has none: it delivers what was aborted",
  refusals: true,
  failedSends: true,
};

interface Embedded {
  startEmbeddedKafka(): Promise<{ brokers: string; stop(): Promise<void> }>;
}

// The repository's own; the packed library is tested where there is none.
const services: Embedded | undefined =
  await import("../../../services/embedded-kafka/start.ts").catch(() => undefined);

if (services === undefined) {
  test("kafkajs on the embedded Kafka keeps the contract", {
    skip: "no embedded Kafka: it comes with the repository",
  });
} else {
  const { brokers, stop } = await services.startEmbeddedKafka();
  const client = kafkajsContract({
    name: "kafkajs on the embedded Kafka",
    kafka: () => new Kafka({ brokers: brokers.split(","), logLevel: logLevel.NOTHING }),
    makesTopicsUnasked: true,
  });
  contractSuite((name, body) => test(name, body), client, features, {
    tracing,
    after,
    skip: (name, reason) => test(name, { skip: reason }),
  });
  after(stop);
}
