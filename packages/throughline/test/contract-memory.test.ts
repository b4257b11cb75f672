import { after, test } from "node:test";
import { contractSuite, type Features, memoryBroker } from "throughline/testing";
import { kafkajsContract } from "./kafkajs-contract.ts";
import { tracing } from "./sdk.ts";

// The contract in memory: in every cell of the matrix, in a second.

const broker = memoryBroker();

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
  settlementTimeouts: "the Kafka in memory ends no session",
  pulling: "kafkajs hands records to handlers alone",
  sendingOn: "what kafkajs sends and what it hands over are different objects",
  brokerDeadLetters: "Kafka dead-letters nothing by itself",
  promisesOfItself: "kafkajs has no such promise",
  retries: true,
  repeatedHeaders: true,
  emptyHeaders: true,
  emptyTexts: true,
  tombstones: true,
  frozenMessages: true,
  compression: "nothing is written to a wire",
  transactions: true,
  refusals: true,
  failedSends: true,
};

const client = kafkajsContract({
  name: "kafkajs, in memory",
  kafka: () => broker.client(),
  sendEmptyHeader(topic, { value, headers = {} }, name) {
    broker.append(topic, {
      value: Buffer.from(value ?? ""),
      headers: [
        ...Object.entries(headers).map(
          ([each, held]) => [each, Buffer.from(held as string)] as const,
        ),
        [name, null],
      ],
    });
  },
});

// Registered from here, so that a report names this file.
contractSuite((name, body) => test(name, body), client, features, {
  tracing,
  after,
  skip: (name, reason) => test(name, { skip: reason }),
  timeoutMs: 5000,
});
