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
  redelivery: true,
  errorReports: true,
  settlement: true,
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
