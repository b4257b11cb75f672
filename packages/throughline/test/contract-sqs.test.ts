import { after, test } from "node:test";
import { contractSuite, type Features } from "throughline/testing";
import { tracing } from "./sdk.ts";
import { sqsContract } from "./sqs-contract.ts";
import { configOf, elasticmq, fauxqs } from "./sqs-servers.ts";

// The contract on two emulators that know nothing of each other.

const features: Features = {
  sendMany: true,
  batches: true,
  concurrency: true,
  loop: "the application receives in a loop of its own",
  redelivery: true,
  errorReports: "the SDK has no handlers: what one throws stays with the application's own loop",
  settlement: true,
  retries: true,
  repeatedHeaders: "a message has one attribute of a name",
  emptyHeaders: "an attribute has a value",
  emptyTexts: "SQS refuses an empty attribute",
  tombstones: "a message has a body",
  frozenMessages: true,
  compression: "SQS has none",
  transactions: "SQS has none",
  refusals: true,
  failedSends: true,
};

for (const server of [fauxqs, elasticmq]) {
  if (server.skip) {
    test(`SQS on ${server.name} keeps the contract`, { skip: server.skip });
    continue;
  }
  const client = sqsContract({ name: `SQS on ${server.name}`, config: configOf(server) });
  contractSuite((name, body) => test(name, body), client, features, {
    tracing,
    after,
    skip: (name, reason) => test(name, { skip: reason }),
  });
}
