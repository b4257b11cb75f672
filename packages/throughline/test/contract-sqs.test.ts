import { after, test } from "node:test";
import { contractSuite } from "throughline/testing";
import { tracing } from "./sdk.ts";
import { sqsContract } from "./sqs-contract.ts";
import { configOf, elasticmq, fauxqs } from "./sqs-servers.ts";
import { features } from "./features-sqs.ts";

// The contract on two emulators that know nothing of each other.

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
