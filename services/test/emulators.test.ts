import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  CreateQueueCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { elasticmqAvailable, startElasticmq } from "../elasticmq/start.ts";
import { startFauxqs } from "../fauxqs/start.ts";
import { connection, refused, refuses } from "./connection.ts";
import { parentOf } from "./killed-parent.ts";

const absence = await elasticmqAvailable();
const noElasticmq = absence && `no ElasticMQ: ${absence.why}. ${absence.wayOut}`;
const timeout = 60_000;
const progress = (): void => {};
const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

function clientOf(endpoint: string): SQSClient {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  return new SQSClient({ endpoint, region: "us-east-1", credentials });
}

async function send(sqs: SQSClient): Promise<string | undefined> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "orders" }));
  const traceparent = { DataType: "String", StringValue: TRACEPARENT };
  const MessageAttributes = { traceparent };
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "one", MessageAttributes }));
  return QueueUrl;
}

async function receive(sqs: SQSClient, QueueUrl: string | undefined): Promise<Message | undefined> {
  const asked = { QueueUrl, WaitTimeSeconds: 5, MessageAttributeNames: ["traceparent"] };
  return (await sqs.send(new ReceiveMessageCommand(asked))).Messages?.[0];
}

const emulators = [
  { name: "fauxqs", start: () => startFauxqs({ progress }), skip: false },
  { name: "elasticmq", start: () => startElasticmq({ progress }), skip: noElasticmq ?? false },
] as const;

for (const { name, start, skip } of emulators) {
  test(`a message goes through ${name} with its attributes`, { skip, timeout }, async () => {
    const server = await start();
    const sqs = clientOf(server.endpoint);
    try {
      const message = await receive(sqs, await send(sqs));
      assert.equal(message?.Body, "one");
      assert.equal(message?.MessageAttributes?.["traceparent"]?.StringValue, TRACEPARENT);
    } finally {
      sqs.destroy();
      await server.stop();
    }
  });

  test(
    `${name} is on loopback only, and nowhere once it is stopped`,
    { skip, timeout },
    async () => {
      const server = await start();
      const { port, host } = new URL(server.endpoint);
      const outside = Object.values(networkInterfaces()).flatMap((found) =>
        (found ?? []).filter(({ internal, family }) => !internal && family === "IPv4"),
      );
      for (const { address } of outside) {
        assert.equal(await refuses(`${address}:${port}`), true, `it answers on ${address}`);
      }
      assert.equal(await refuses(host), false);
      await server.stop();
      await server.stop();
      assert.equal(await refuses(host), true);
    },
  );

  test(`${name} ends when its parent is killed`, { skip, timeout }, async () => {
    const parent = await parentOf(name);
    const { closed } = await connection(parent.brokers);
    parent.process.kill("SIGKILL");
    await closed;
    await parent.allGone;
    await refused(parent.brokers);
  });
}

test(
  "ElasticMQ keeps its messages in a folder that it is given",
  { skip: noElasticmq ?? false, timeout: 2 * timeout },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "services-test-"));
    const before = await startElasticmq({ folder, progress });
    const sqs = clientOf(before.endpoint);
    try {
      const url = await send(sqs);
      await before.stop();
      const after = await startElasticmq({ folder, port: before.port, progress });
      try {
        // Messages come out of the folder a while after the server answers, and wake no receive.
        let received: Message | undefined;
        while (received === undefined) received = await receive(sqs, url);
        assert.equal(received.Body, "one");
      } finally {
        await after.stop();
      }
    } finally {
      sqs.destroy();
      await before.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
);
