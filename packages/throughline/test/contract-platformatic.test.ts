import { after, test } from "node:test";
import { contractSuite } from "throughline/testing";
import { features } from "./features-platformatic.ts";
import { platformaticContract } from "./platformatic-contract.ts";
import { tracing } from "./sdk.ts";

// The contract on a real Kafka: with serializers that take text, and with the default ones.

const bootstrapBrokers = process.env["KAFKA_BROKERS"]?.split(",");

if (bootstrapBrokers === undefined) {
  const reason = "no real Kafka: set KAFKA_BROKERS, or install java and mvn for npm test";
  test("@platformatic/kafka on Kafka keeps the contract", { skip: reason });
} else {
  for (const form of ["text", "bytes"] as const) {
    const client = platformaticContract({
      name: `@platformatic/kafka on Kafka, headers as ${form}`,
      bootstrapBrokers,
      form,
    });
    const lacking = {
      repeatedHeaders: "headers of text are an object or a Map, which holds each name once",
      refusals: "without its option strict the client checks nothing before it sends",
    };
    contractSuite(
      (name, body) => test(name, body),
      client,
      form === "text" ? { ...features, ...lacking } : features,
      { tracing, after, skip: (name, reason) => test(name, { skip: reason }) },
    );
  }
}
