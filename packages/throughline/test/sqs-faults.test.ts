import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import {
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { processBatch, processMessage, traced } from "throughline/sqs";
import { makeQueue } from "./sqs-queue.ts";
import {
  compared,
  MESSAGES,
  type Receiving,
  restarted,
  settledOf,
  type Way,
} from "./sqs-outage.ts";
import { configOf, elasticmq, fauxqs } from "./sqs-servers.ts";
import { tracing } from "./sdk.ts";
import { notAsked } from "./outage-asked.ts";
import { proxyTo } from "./tcp-proxy.ts";

// A server that goes away, and connections that are cut, while messages flow: with us and without.

const RECEIVERS = 4;

/** What is done around the application's own work. */
interface Around {
  readonly batch: (messages: Message[], work: () => Promise<void>) => Promise<void>;
  readonly one: (message: Message, work: () => void) => void;
}

const WAYS: { without: Way; withUs: Way } = {
  without: {
    wrap: (client) => client,
    receive: (flow) =>
      receive(flow, { batch: (_messages, work) => work(), one: (_message, work) => work() }),
  },
  withUs: {
    wrap: (client) => traced(client),
    receive: (flow) => receive(flow, { batch: processBatch, one: processMessage }),
  },
};

async function receive(flow: Receiving, around: Around): Promise<void> {
  await Promise.all(Array.from({ length: RECEIVERS }, () => receiver(flow, around)));
}

async function receiver(
  { sqs, QueueUrl, done, handle, insist }: Receiving,
  { batch, one }: Around,
): Promise<void> {
  const asked = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 };
  while (!done()) {
    const { Messages = [] } = await insist(() => sqs.send(new ReceiveMessageCommand(asked)));
    if (Messages.length === 0) continue;
    await batch(Messages, async () => {
      for (const message of Messages) {
        one(message, () => handle(message));
        await setImmediate();
      }
    });
    const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
    await insist(() => sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries })));
    assert.equal(context.active(), ROOT_CONTEXT, "a scope leaked into the loop");
  }
}

test(
  `connections cut while ${MESSAGES} messages flow: nothing is lost, no span left open, no scope leaked`,
  { skip: fauxqs.skip || notAsked, timeout: 240_000 },
  async () => {
    const proxy = await proxyTo(new URL(fauxqs.endpoint ?? "").host);
    try {
      const server = { ...fauxqs, endpoint: `http://${proxy.host}` };
      const disturb = async (): Promise<void> => {
        for (let times = 0; times < 5; times++) {
          proxy.cut();
          // They go on, by connections of their own, before these are cut as well.
          await proxy.carried(100);
        }
      };
      await compared(server, WAYS, { disturb, passed: setImmediate });
    } finally {
      await proxy.close();
    }
  },
);

test(
  `a server stopped and started while ${MESSAGES} messages flow: nothing is lost, no span left open, no scope leaked`,
  { skip: elasticmq.skip || notAsked, timeout: 240_000 },
  async (t) => {
    const done = await restarted((server, disturbance) => compared(server, WAYS, disturbance));
    if (done === undefined) t.skip("no services/ beside the packed library");
  },
);

test(
  "a connection cut in the middle of a handler: it ends, and is settled, as without us",
  { skip: fauxqs.skip, timeout: 60_000 },
  async () => {
    const proxy = await proxyTo(new URL(fauxqs.endpoint ?? "").host);
    const server = { ...fauxqs, endpoint: `http://${proxy.host}` };
    const bare = new SQSClient(configOf(fauxqs));
    const sdk = tracing();
    try {
      const results: unknown[] = [];
      for (const way of [WAYS.without, WAYS.withUs]) {
        const sqs = way.wrap(new SQSClient(configOf(server)));
        const QueueUrl = await makeQueue(bare);
        await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "1" }));
        const { Messages: [message] = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }),
        );
        const seen: unknown[] = [];
        const handler = async (): Promise<string> => {
          const asked = proxy.carried();
          const cutOff = sqs
            .send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }), {
              abortSignal: AbortSignal.timeout(2000),
            })
            .catch((error: Error) => seen.push(error.name));
          // The server has been asked, and has nothing to answer with.
          await asked;
          proxy.cut();
          await cutOff;
          return "done";
        };
        seen.push(
          way === WAYS.withUs ? await processMessage(message ?? {}, handler) : await handler(),
        );
        const { ReceiptHandle } = message ?? {};
        const { $metadata } = await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        seen.push($metadata.httpStatusCode, await settledOf(bare, QueueUrl));
        results.push(seen);
        sqs.destroy();
      }
      assert.deepEqual(results[1], results[0]);
      assert.equal(sdk.open().length, 0);
      const process = sdk.spans().find(({ name }) => name.startsWith("process "));
      assert.equal(process?.status.code, 0);
    } finally {
      await sdk.shutdown();
      bare.destroy();
      await proxy.close();
    }
  },
);
