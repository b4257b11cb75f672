import { after, test } from "node:test";
import type * as confluentPackage from "@confluentinc/kafka-javascript";
import { contractSuite } from "throughline/testing";
import { tracing } from "../sdk.ts";
import { brokers, nativeClient, noKafka } from "./client.ts";
import { confluentContract } from "./confluent-contract.ts";
import { features } from "../features-confluent.ts";

// The contract on a real Kafka, by the promised interface of Confluent's client.

const name = "Confluent's KafkaJS on Kafka keeps the contract";
const client = nativeClient<typeof confluentPackage>("@confluentinc/kafka-javascript");
if ("reason" in client) test(name, { skip: client.reason });
else if (brokers === undefined) test(name, { skip: noKafka });
else {
  const contract = confluentContract(client.built, brokers);
  const settlementTimeouts = "claimed in contract-timeouts-confluent.test.ts, by itself";
  const has = { ...features, settlementTimeouts };
  contractSuite((claim, body) => test(claim, body), contract, has, {
    tracing,
    after,
    skip: (claim, reason) => test(claim, { skip: reason }),
  });
}
