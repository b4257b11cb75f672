import { after, test } from "node:test";
import * as rdkafka from "throughline/rdkafka";
import { contractSuite } from "throughline/testing";
import { tracing } from "../sdk.ts";
import { features } from "../features-rdkafka.ts";
import { classicContract, type ClassicFunctions } from "./classic-contract.ts";
import type { Classic } from "./classic-clients.ts";
import { brokers, nativeClient, noKafka } from "./client.ts";

// The contract on a real Kafka, by node-rdkafka.

const name = "node-rdkafka on Kafka keeps the contract";
const client = nativeClient<Classic>("node-rdkafka");
if ("reason" in client) test(name, { skip: client.reason });
else if (brokers === undefined) test(name, { skip: noKafka });
else {
  const functions = rdkafka as unknown as ClassicFunctions;
  const title = "node-rdkafka on Kafka";
  const contract = classicContract(title, client.built, functions, brokers);
  contractSuite((claim, body) => test(claim, body), contract, features, {
    tracing,
    after,
    skip: (claim, reason) => test(claim, { skip: reason }),
  });
}
