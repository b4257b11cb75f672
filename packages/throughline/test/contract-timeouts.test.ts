import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { contractSuite, type ContractClient, type Features } from "throughline/testing";
import { amqplibContract } from "./amqplib-contract.ts";
import { features as amqplibFeatures } from "./features-amqplib.ts";
import { features as rabbitmqClientFeatures } from "./features-rabbitmq-client.ts";
import { rabbitmqClientContract } from "./rabbitmq-client-contract.ts";
import { tracing } from "./sdk.ts";

// The contract's claims on messages that are not settled in time, for RabbitMQ's clients. RabbitMQ
// 3.10 has one time for all queues of a server: here is one where it is short.

const TIMEOUT_MS = 1000;

interface Services {
  rabbitmqAvailable(): Promise<object | undefined>;
  startRabbitmq(options: object): Promise<{ url: string; stop(): Promise<void> }>;
}

// The packed library is tested outside of this repository, where nothing starts servers.
const services = (await import("../../../services/rabbitmq/start.ts").catch(() => undefined)) as
  | Services
  | undefined;
const absent = services === undefined || (await services.rabbitmqAvailable()) !== undefined;
const skip = absent && "no RabbitMQ of our own: apt-get install rabbitmq-server";

// Node 20 tells nothing of a file that has but a skipped suite.
if (skip !== false) {
  test("RabbitMQ's clients keep the contract on messages that are not settled in time", { skip });
}

describe("messages that are not settled in time", { skip, timeout: 120_000 }, () => {
  let server: Awaited<ReturnType<Services["startRabbitmq"]>> | undefined;
  before(async () => {
    const options = { consumerTimeoutMs: TIMEOUT_MS, progress: () => {} };
    server = await services?.startRabbitmq(options);
  });

  function claimed(made: (url: string) => ContractClient, features: Features): void {
    // Where the server is, is known when it runs: the suite opens clients when a claim first needs them.
    const client = made("");
    const open: ContractClient["open"] = (wrap) => made(server?.url ?? "").open(wrap);
    let claims = 0;
    contractSuite(
      (name, body) => {
        if (!/not settled in time|longer than its broker waits/.test(name)) return;
        claims += 1;
        test(name, body);
      },
      { ...client, open },
      features,
      { tracing, after, skip: () => {}, timeoutMs: 20_000 },
    );
    assert.equal(claims, 2, `${client.name}: the contract calls these claims by other names`);
  }

  claimed((url) => amqplibContract(url, "promises"), amqplibFeatures);
  claimed((url) => amqplibContract(url, "callbacks"), amqplibFeatures);
  claimed(rabbitmqClientContract, rabbitmqClientFeatures);
  // When what is connected to it is closed.
  after(() => server?.stop());
});
