import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as confluent from "throughline/confluent";
import type { Classic } from "./classic-clients.ts";
import type { ClassicFunctions } from "./classic-contract.ts";
import { classicTraps } from "./classic-traps.ts";
import { brokers, nativeClient, noKafka } from "./client.ts";

const name = "Confluent's RdKafka";
const client = nativeClient<Classic>("@confluentinc/kafka-javascript");
if ("reason" in client) test(name, { skip: client.reason });
else if (brokers === undefined) test(name, { skip: noKafka });
else {
  // In the matrix the tests are JavaScript.
  const [extension] = /\.[jt]s$/.exec(import.meta.url) ?? [".ts"];
  const ends = new URL(`classic-ends-confluent${extension}`, import.meta.url);
  const functions = confluent as unknown as ClassicFunctions;
  classicTraps(name, client.built, functions, fileURLToPath(ends));
}
