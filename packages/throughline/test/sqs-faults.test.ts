import { context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import {
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { processBatch, processMessage, traced } from "throughline/sqs";
import { makeQueue } from "./sqs-queue.ts";
import { configOf, elasticmq, fauxqs, type SqsServer } from "./sqs-servers.ts";
import { type Tracing, tracing } from "./sdk.ts";
import { notAsked } from "./outage-asked.ts";
import { proxyTo } from "./tcp-proxy.ts";

// A server that goes away, and connections that are cut, while messages flow: with us and without.

const MESSAGES = 10_000;
/** The bare client goes through the same disturbance with fewer: it is what ours is compared with. */
const MESSAGES_WITHOUT = 4_000;
const IN_ONE_SEND = 10;
/** So many may be sent and not yet handled: a queue that grows makes an emulator slow. */
const WAITING = 400;
const SENDERS = 4;
const RECEIVERS = 4;

/** What is done around the application's own calls. */
interface Way {
  readonly count: number;
  readonly wrap: (client: SQSClient) => SQSClient;
  readonly batch: (messages: Message[], work: () => Promise<void>) => Promise<void>;
  readonly one: (message: Message, work: () => void) => void;
}

const WITHOUT: Way = {
  count: MESSAGES_WITHOUT,
  wrap: (client) => client,
  batch: (_messages, work) => work(),
  one: (_message, work) => work(),
};
const WITH: Way = {
  count: MESSAGES,
  wrap: (client) => traced(client),
  batch: (messages, work) => processBatch(messages, work),
  one: (message, work) => processMessage(message, work),
};

interface Flow {
  /** How often each message was handled. */
  readonly handled: ReadonlyMap<string, number>;
  /** Handlers that did not run in the trace of their message's sender. */
  readonly strayed: number;
  /** Calls of the client's that failed. */
  readonly failures: number;
  /** What the queue still holds. */
  readonly left: unknown;
}

/** What happens to the server, or on the way to it, in the middle of a flow. */
interface Disturbance {
  readonly disturb: () => Promise<void>;
  /** Awaited after a call that failed: when it may be made again. */
  readonly passed: () => Promise<unknown>;
}

/** Sends and handles all messages while `disturb` does what it does in the middle of it. */
async function flow(
  server: SqsServer,
  { count, wrap, batch, one }: Way,
  { disturb, passed }: Disturbance,
): Promise<Flow> {
  const bare = new SQSClient({ ...configOf(server), maxAttempts: 20 });
  const sqs = wrap(new SQSClient({ ...configOf(server), maxAttempts: 1 }));
  const QueueUrl = await makeQueue(bare, { VisibilityTimeout: "5" });
  const handled = new Map<string, number>();
  let [strayed, failures, sent] = [0, 0, 0];
  /** Senders that are ahead of the receivers. */
  const waiting: (() => void)[] = [];
  let disturbed: Promise<void> | undefined;

  /** Until it succeeds, as an application does that must not lose anything. */
  async function insist<Result>(call: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await call();
      } catch {
        failures += 1;
        await passed();
      }
    }
  }

  async function sender(): Promise<void> {
    while (sent < count) {
      if (sent - handled.size >= WAITING) {
        await new Promise<void>((resolve) => void waiting.push(resolve));
        continue;
      }
      const from = sent;
      sent += IN_ONE_SEND;
      await trace.getTracer("application").startActiveSpan("sender", async (span) => {
        const { traceId } = span.spanContext();
        const Entries = Array.from({ length: IN_ONE_SEND }, (_, at) => ({
          Id: String(at),
          MessageBody: `${from + at}:${traceId}`,
        }));
        await insist(() => sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries })));
        span.end();
      });
      if (sent >= count / 2) disturbed ??= disturb();
    }
  }

  async function receiver(): Promise<void> {
    const receive = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 1,
    });
    while (handled.size < count) {
      const { Messages = [] } = await insist(() => sqs.send(receive));
      if (Messages.length === 0) continue;
      await batch(Messages, async () => {
        for (const message of Messages) {
          const [body = "", traceId] = message.Body?.split(":") ?? [];
          one(message, () => {
            handled.set(body, (handled.get(body) ?? 0) + 1);
            if (trace.getActiveSpan()?.spanContext().traceId !== traceId) strayed += 1;
          });
          await setImmediate();
        }
      });
      for (const resume of waiting.splice(0)) resume();
      const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
      await insist(() => sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries })));
      assert.equal(context.active(), ROOT_CONTEXT, "a scope leaked into the loop");
    }
  }

  await Promise.all([
    ...Array.from({ length: SENDERS }, sender),
    ...Array.from({ length: RECEIVERS }, receiver),
  ]);
  await disturbed;
  const left = await settledOf(bare, QueueUrl);
  sqs.destroy();
  bare.destroy();
  return { handled, strayed, failures, left };
}

/** What a queue holds once nothing in it is in flight any more: what was handled twice is deleted once more. */
async function settledOf(bare: SQSClient, QueueUrl: string): Promise<unknown> {
  const AttributeNames = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
  ] as const;
  const deadline = Date.now() + 30_000;
  for (;;) {
    const { Messages = [] } = await bare.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    );
    for (const { ReceiptHandle } of Messages) {
      await bare.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
    const asked = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] });
    const { Attributes } = await bare.send(asked);
    const left = AttributeNames.map((name) => Number(Attributes?.[name]));
    if (left.every((number) => number === 0) || Date.now() > deadline) return left;
  }
}

/** Both ways side by side, through one and the same disturbance, which the first to come half way begins. */
async function compared(server: SqsServer, { disturb, passed }: Disturbance): Promise<void> {
  const sdk: Tracing = tracing();
  try {
    let disturbed: Promise<void> | undefined;
    const once = { disturb: (): Promise<void> => (disturbed ??= disturb()), passed };
    const [without, withUs] = await Promise.all([
      flow(server, WITHOUT, once),
      flow(server, WITH, once),
    ]);
    assert.equal(without.handled.size, MESSAGES_WITHOUT, "a message was lost without us");
    assert.equal(withUs.handled.size, MESSAGES, "a message was lost");
    for (const { left, failures } of [without, withUs]) {
      assert.deepEqual(left, [0, 0]);
      assert.ok(failures > 0, "no call failed");
    }
    assert.equal(withUs.strayed, 0, "a handler ran in another trace than its message's");
    assert.equal(sdk.open().length, 0, "a span was left open");
  } finally {
    await sdk.shutdown();
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
      await compared(server, { disturb, passed: setImmediate });
    } finally {
      await proxy.close();
    }
  },
);

interface Elasticmq {
  startElasticmq(options: object): Promise<{
    endpoint: string;
    port: number;
    stop(): Promise<void>;
  }>;
}

test(
  `a server stopped and started while ${MESSAGES} messages flow: nothing is lost, no span left open, no scope leaked`,
  { skip: elasticmq.skip || notAsked, timeout: 240_000 },
  async (t) => {
    // The packed library is tested outside of this repository, where nothing starts servers.
    const services = new URL("../../../services/elasticmq/start.ts", import.meta.url).href;
    const started = (await import(services).catch(() => undefined)) as Elasticmq | undefined;
    if (started === undefined) return t.skip("no services/ beside the packed library");
    const folder = await mkdtemp(join(tmpdir(), "throughline-test-"));
    const options = { folder, progress: () => {} };
    let server = await started.startElasticmq(options);
    try {
      let back: Promise<unknown> = Promise.resolve();
      const disturb = async (): Promise<void> => {
        const restart = async (): Promise<typeof server> => {
          await server.stop();
          return started.startElasticmq({ ...options, port: server.port });
        };
        const restarted = restart();
        back = restarted;
        server = await restarted;
      };
      const at = { ...elasticmq, endpoint: server.endpoint };
      await compared(at, { disturb, passed: () => back });
    } finally {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
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
      for (const way of [WITHOUT, WITH]) {
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
        seen.push(way === WITH ? await processMessage(message ?? {}, handler) : await handler());
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
