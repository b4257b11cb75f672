import { after, test } from "node:test";
import { contractSuite, type Features } from "throughline/testing";
import { tracing } from "./sdk.ts";
import { sqsConsumerContract } from "./sqs-consumer-contract.ts";
import { configOf, elasticmq, fauxqs } from "./sqs-servers.ts";

const features: Features = {
  sendMany: true,
  batches: true,
  concurrency: "it handles what one receive gave side by side: a FIFO queue's order would be lost",
  handlerErrors: true,
  loop: true,
  redelivery: true,
  errorReports: true,
  settlement: true,
  ownSettlement: "it deletes what its handler acknowledges",
  refusing: "SQS takes back what is not deleted: nothing is refused",
  settlementTimeouts: "redelivery is by time alone, and claimed as that",
  pulling: "every message goes to a handler",
  sendingOn: "a message that was received and one to send have different shapes",
  brokerDeadLetters: "a redrive counts receives: nothing is refused",
  promisesOfItself: "it has no such promise",
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
    test(`sqs-consumer on ${server.name} keeps the contract`, { skip: server.skip });
    continue;
  }
  const name = `sqs-consumer on ${server.name}`;
  const client = sqsConsumerContract({ name, config: configOf(server) });
  contractSuite((claim, body) => test(claim, body), client, features, {
    tracing,
    after,
    skip: (claim, reason) => test(claim, { skip: reason }),
  });
}
