import { after, test } from "node:test";
import * as confluent from "throughline/confluent";
import { contractSuite } from "throughline/testing";
import { tracing } from "../sdk.ts";
import { features } from "../features-rdkafka.ts";
import { classicContract, type ClassicFunctions } from "./classic-contract.ts";
import type { Classic } from "./classic-clients.ts";
import { brokers, nativeClient, noKafka } from "./client.ts";

// The contract on a real Kafka, by the classic interface of Confluent's client.

const name = "Confluent's RdKafka on Kafka keeps the contract";
const client = nativeClient<Classic>("@confluentinc/kafka-javascript");
if ("reason" in client) test(name, { skip: client.reason });
else if (brokers === undefined) test(name, { skip: noKafka });
else {
  const functions = confluent as unknown as ClassicFunctions;
  const title = "Confluent's RdKafka on Kafka";
  const contract = classicContract(title, client.built, functions, brokers);
  contractSuite((claim, body) => test(claim, body), contract, features, {
    tracing,
    after,
    skip: (claim, reason) => test(claim, { skip: reason }),
  });
}
