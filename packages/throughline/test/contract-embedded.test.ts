import { after, test } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import { contractSuite, type Features } from "throughline/testing";
import { features as onRealKafka } from "./features-kafkajs.ts";
import { kafkajsContract } from "./kafkajs-contract.ts";
import { tracing } from "./sdk.ts";

// The contract on the embedded Kafka of the demo, but for what that lacks.

const features: Features = {
  ...onRealKafka,
  settlementTimeouts: "the embedded Kafka ended no member's session in thirty seconds",
  transactions: "the embedded Kafka has none: it delivers what was aborted",
};

interface Embedded {
  startEmbeddedKafka(): Promise<{ brokers: string; stop(): Promise<void> }>;
}

// The repository's own; the packed library is tested where there is none.
const services: Embedded | undefined =
  await import("../../../services/embedded-kafka/start.ts").catch(() => undefined);

if (services === undefined) {
  test("kafkajs on the embedded Kafka keeps the contract", {
    skip: "no embedded Kafka: it comes with the repository",
  });
} else {
  const { brokers, stop } = await services.startEmbeddedKafka();
  const client = kafkajsContract({
    name: "kafkajs on the embedded Kafka",
    kafka: () => new Kafka({ brokers: brokers.split(","), logLevel: logLevel.NOTHING }),
    makesTopicsUnasked: true,
  });
  contractSuite((name, body) => test(name, body), client, features, {
    tracing,
    after,
    skip: (name, reason) => test(name, { skip: reason }),
  });
  after(stop);
}
