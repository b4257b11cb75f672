import { after, test } from "node:test";
import { contractSuite } from "throughline/testing";
import { tracing } from "./sdk.ts";
import { sqsConsumerContract } from "./sqs-consumer-contract.ts";
import { configOf, elasticmq, fauxqs } from "./sqs-servers.ts";
import { features } from "./features-sqs-consumer.ts";

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
