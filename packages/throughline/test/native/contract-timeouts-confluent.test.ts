import assert from "node:assert/strict";
import { after, test } from "node:test";
import type * as confluentPackage from "@confluentinc/kafka-javascript";
import { contractSuite } from "throughline/testing";
import { features } from "../features-confluent.ts";
import { tracing } from "../sdk.ts";
import { brokers, nativeClient, noKafka } from "./client.ts";
import { confluentContract } from "./confluent-contract.ts";

// The contract's claim on a handler that takes longer than max.poll.interval.ms, by itself:
// consumers that have four go on losing it on a busy machine, and would disturb the others.

const name = "Confluent's KafkaJS on Kafka keeps the contract on handlers that take too long";
const client = nativeClient<typeof confluentPackage>("@confluentinc/kafka-javascript");
if ("reason" in client) test(name, { skip: client.reason });
else if (brokers === undefined) test(name, { skip: noKafka });
else {
  let claims = 0;
  const claimed = (claim: string, body: () => Promise<void>): void => {
    if (!claim.includes("longer than its broker waits")) return;
    claims += 1;
    test(claim, body);
  };
  const contract = confluentContract(client.built, brokers);
  contractSuite(claimed, contract, features, { tracing, after, skip: () => {} });
  assert.equal(claims, 1, "the contract calls this claim by another name");
}
