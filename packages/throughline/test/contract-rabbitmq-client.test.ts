import { after, test } from "node:test";
import { contractSuite } from "throughline/testing";
import { rabbitmqClientContract } from "./rabbitmq-client-contract.ts";
import { tracing } from "./sdk.ts";
import { features } from "./features-rabbitmq-client.ts";

// The contract on a real RabbitMQ, by rabbitmq-client.

const url = process.env["AMQP_URL"];

if (url === undefined) {
  const reason = "no RabbitMQ: set AMQP_URL, or apt-get install rabbitmq-server for npm test";
  test("rabbitmq-client on RabbitMQ keeps the contract", { skip: reason });
} else {
  const settlementTimeouts = "claimed in contract-timeouts.test.ts, on a server where it is short";
  const has = { ...features, settlementTimeouts };
  contractSuite((name, body) => test(name, body), rabbitmqClientContract(url), has, {
    tracing,
    after,
    skip: (name, reason) => test(name, { skip: reason }),
    timeoutMs: 10_000,
  });
}
