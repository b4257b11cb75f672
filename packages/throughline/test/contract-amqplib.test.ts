import { after, test } from "node:test";
import { contractSuite, type Features } from "throughline/testing";
import { amqplibContract } from "./amqplib-contract.ts";
import { tracing } from "./sdk.ts";

// The contract on a real RabbitMQ.

const url = process.env["AMQP_URL"];

const features: Features = {
  sendMany: "amqplib publishes one message a call",
  batches: "amqplib hands over one message at a time",
  concurrency: true,
  loop: true,
  handlerErrors: "amqplib ignores what a callback gives; an application that fails nacks",
  redelivery: true,
  errorReports: "amqplib ignores what a callback gives; an application that fails nacks",
  settlement: true,
  ownSettlement: true,
  refusing: true,
  settlementTimeouts: "RabbitMQ 3.10 has one for the whole server, looked at once a minute",
  pulling: true,
  sendingOn: true,
  brokerDeadLetters: true,
  promisesOfItself: true,
  retries: true,
  repeatedHeaders: true,
  emptyHeaders: true,
  emptyTexts: true,
  tombstones: "an AMQP message has a body, if an empty one",
  frozenMessages: true,
  compression: "AMQP has none",
  transactions: "amqplib has none",
  refusals: true,
  failedSends: true,
};

if (url === undefined) {
  const reason = "no RabbitMQ: set AMQP_URL, or apt-get install rabbitmq-server for npm test";
  test("amqplib on RabbitMQ keeps the contract", { skip: reason });
} else {
  contractSuite((name, body) => test(name, body), amqplibContract(url), features, {
    tracing,
    after,
    skip: (name, reason) => test(name, { skip: reason }),
    timeoutMs: 10_000,
  });
}
