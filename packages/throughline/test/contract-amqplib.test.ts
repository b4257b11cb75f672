import { after, test } from "node:test";
import { contractSuite, type Features } from "throughline/testing";
import { amqplibContract, recovers } from "./amqplib-contract.ts";
import { tracing } from "./sdk.ts";
import { features } from "./features-amqplib.ts";

// The contract on a real RabbitMQ.

const url = process.env["AMQP_URL"];

if (url === undefined) {
  const reason = "no RabbitMQ: set AMQP_URL, or apt-get install rabbitmq-server for npm test";
  test("amqplib on RabbitMQ keeps the contract", { skip: reason });
} else {
  // 1.2 and later have connections that recover.
  const isOld = !(await recovers(url));
  for (const api of ["promises", "callbacks"] as const) {
    const has: Features = {
      ...features,
      settlementTimeouts: "claimed in contract-timeouts.test.ts, on a server where it is short",
      ...(isOld && { promisesOfItself: "amqplib has no connections that recover before 1.2" }),
      ...(api === "callbacks" && { promisesOfItself: "a callback is given what is asked for" }),
      ...(isOld &&
        api === "callbacks" && {
          refusals: "a confirm channel of before 1.2 confirms what it refused in place of the next",
        }),
    };
    contractSuite((name, body) => test(name, body), amqplibContract(url, api), has, {
      tracing,
      after,
      skip: (name, reason) => test(name, { skip: reason }),
      timeoutMs: 10_000,
    });
  }
}
