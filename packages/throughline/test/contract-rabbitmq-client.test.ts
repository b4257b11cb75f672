import { after, test } from "node:test";
import { contractSuite, type Features } from "throughline/testing";
import { rabbitmqClientContract } from "./rabbitmq-client-contract.ts";
import { tracing } from "./sdk.ts";

// The contract on a real RabbitMQ, by rabbitmq-client.

const url = process.env["AMQP_URL"];

const features: Features = {
  sendMany: "rabbitmq-client publishes one message a call",
  batches: "rabbitmq-client hands over one message at a time",
  concurrency: true,
  loop: true,
  handlerErrors: true,
  redelivery: true,
  errorReports: true,
  settlement: true,
  ownSettlement: true,
  refusing: true,
  settlementTimeouts: "RabbitMQ 3.10 has one for the whole server, looked at once a minute",
  pulling: true,
  sendingOn: true,
  brokerDeadLetters: true,
  promisesOfItself: "rabbitmq-client has no such promise",
  retries: true,
  repeatedHeaders: true,
  emptyHeaders: true,
  emptyTexts: true,
  tombstones: "an AMQP message has a body; null is sent as JSON",
  frozenMessages: true,
  compression: "AMQP has none",
  transactions: true,
  refusals: true,
  failedSends: true,
};

if (url === undefined) {
  const reason = "no RabbitMQ: set AMQP_URL, or apt-get install rabbitmq-server for npm test";
  test("rabbitmq-client on RabbitMQ keeps the contract", { skip: reason });
} else {
  contractSuite((name, body) => test(name, body), rabbitmqClientContract(url), features, {
    tracing,
    after,
    skip: (name, reason) => test(name, { skip: reason }),
    timeoutMs: 10_000,
  });
}
