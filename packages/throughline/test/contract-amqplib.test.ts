import { after, test } from "node:test";
import { contractSuite, type Features } from "throughline/testing";
import { amqplibContract } from "./amqplib-contract.ts";
import { tracing } from "./sdk.ts";
import { features } from "./features-amqplib.ts";

// The contract on a real RabbitMQ.

const url = process.env["AMQP_URL"];

if (url === undefined) {
  const reason = "no RabbitMQ: set AMQP_URL, or apt-get install rabbitmq-server for npm test";
  test("amqplib on RabbitMQ keeps the contract", { skip: reason });
} else {
  for (const api of ["promises", "callbacks"] as const) {
    const has: Features = {
      ...features,
      settlementTimeouts: "claimed in contract-timeouts.test.ts, on a server where it is short",
      ...(api === "callbacks" && { promisesOfItself: "a callback is given what is asked for" }),
    };
    contractSuite((name, body) => test(name, body), amqplibContract(url, api), has, {
      tracing,
      after,
      skip: (name, reason) => test(name, { skip: reason }),
      timeoutMs: 10_000,
    });
  }
}
