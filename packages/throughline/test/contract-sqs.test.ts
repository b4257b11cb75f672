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
  handlerErrors: true,
  redelivery: true,
  errorReports: "the SDK has no handlers: what one throws stays with the application's own loop",
  settlement: true,
  ownSettlement: "a handler ends by itself: what it deletes, and when, is of no concern to it",
  refusing: "SQS takes back what is not deleted: nothing is refused",
  settlementTimeouts: "redelivery is by time alone, and claimed as that",
  pulling: "every message is asked for: the contract's own loop does it",
  sendingOn: "a message that was received and one to send have different shapes",
  brokerDeadLetters: "a redrive counts receives: nothing is refused",
  promisesOfItself: "the SDK has no such promise",
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
