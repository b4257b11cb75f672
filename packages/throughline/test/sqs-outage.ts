import { trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { type Tracing, tracing } from "./sdk.ts";
import { makeQueue } from "./sqs-queue.ts";
import { configOf, elasticmq, type SqsServer } from "./sqs-servers.ts";

// Messages that flow through SQS while its server goes away, with us and without, side by side.

export const MESSAGES = 10_000;
/** The bare client goes through the same disturbance with fewer: it is what ours is compared with. */
const MESSAGES_WITHOUT = 4_000;
const IN_ONE_SEND = 10;
/** So many may be sent and not yet handled: a queue that grows makes an emulator slow. */
const WAITING = 400;
const SENDERS = 4;
/** The longest that it may take until a queue is empty after everything was handled. */
export const SETTLED_MS = 30_000;

/** What is done around the application's own calls. */
export interface Way {
  readonly wrap: (client: SQSClient) => SQSClient;
  /**
   * Receives, handles and deletes until everything is handled; gives what the queue holds then,
   * where nothing is left to be deleted by hand.
   */
  readonly receive: (flow: Receiving) => Promise<unknown>;
}

/** What a receiver sees of the flow. */
export interface Receiving {
  readonly sqs: SQSClient;
  /** A client that nobody traces, and that tries again. */
  readonly bare: SQSClient;
  readonly QueueUrl: string;
  /** Whether every message has been handled. */
  done(): boolean;
  /** What the application does with a message: in its handler, by its own code. */
  handle(message: Message): void;
  /** A call of the client's has failed. */
  failed(): void;
  /** Makes a call until it succeeds, as an application does that must not lose anything. */
  insist<Result>(call: () => Promise<Result>): Promise<Result>;
}

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
export interface Disturbance {
  readonly disturb: () => Promise<void>;
  /** Awaited after a call that failed: when it may be made again. */
  readonly passed: () => Promise<unknown>;
}

/** Sends and handles all messages while `disturb` does what it does in the middle of it. */
async function flow(
  server: SqsServer,
  count: number,
  { wrap, receive }: Way,
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

  function handle(message: Message): void {
    const [body = "", traceId] = message.Body?.split(":") ?? [];
    handled.set(body, (handled.get(body) ?? 0) + 1);
    if (trace.getActiveSpan()?.spanContext().traceId !== traceId) strayed += 1;
    for (const resume of waiting.splice(0)) resume();
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

  const receiving = {
    sqs,
    bare,
    QueueUrl,
    done: () => handled.size === count,
    handle,
    failed: () => void (failures += 1),
    insist,
  };
  const received = receive(receiving);
  await Promise.all([...Array.from({ length: SENDERS }, sender), received]);
  await disturbed;
  const left = (await received) ?? (await settledOf(bare, QueueUrl));
  sqs.destroy();
  bare.destroy();
  return { handled, strayed, failures, left };
}

/** What a queue holds once nothing in it is in flight any more: what was handled twice is deleted once more. */
export async function settledOf(bare: SQSClient, QueueUrl: string): Promise<unknown> {
  const deadline = Date.now() + SETTLED_MS;
  for (;;) {
    const { Messages = [] } = await bare.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    );
    for (const { ReceiptHandle } of Messages) {
      await bare.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
    const left = await heldBy(bare, QueueUrl);
    if (left.every((number) => number === 0) || Date.now() > deadline) return left;
  }
}

/** How many messages a queue holds: waiting, and in flight. */
export async function heldBy(bare: SQSClient, QueueUrl: string): Promise<number[]> {
  const AttributeNames = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
  ] as const;
  const asked = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] });
  const { Attributes } = await bare.send(asked);
  return AttributeNames.map((name) => Number(Attributes?.[name]));
}

/** Both ways side by side, through one and the same disturbance, which the first to come half way begins. */
export async function compared(
  server: SqsServer,
  { without, withUs }: { without: Way; withUs: Way },
  { disturb, passed }: Disturbance,
): Promise<void> {
  const sdk: Tracing = tracing();
  try {
    let disturbed: Promise<void> | undefined;
    const once = { disturb: (): Promise<void> => (disturbed ??= disturb()), passed };
    const [bare, ours] = await Promise.all([
      flow(server, MESSAGES_WITHOUT, without, once),
      flow(server, MESSAGES, withUs, once),
    ]);
    assert.equal(bare.handled.size, MESSAGES_WITHOUT, "a message was lost without us");
    assert.equal(ours.handled.size, MESSAGES, "a message was lost");
    for (const { left, failures } of [bare, ours]) {
      assert.deepEqual(left, [0, 0]);
      assert.ok(failures > 0, "no call failed");
    }
    assert.equal(ours.strayed, 0, "a handler ran in another trace than its message's");
    assert.equal(sdk.open().length, 0, "a span was left open");
  } finally {
    await sdk.shutdown();
  }
}

interface Elasticmq {
  startElasticmq(options: object): Promise<{
    endpoint: string;
    port: number;
    stop(): Promise<void>;
  }>;
}

/**
 * Runs a test on an ElasticMQ of its own that is stopped and started in the middle of it; undefined
 * where nothing here starts servers: the packed library is tested outside of this repository.
 */
export async function restarted(
  run: (server: SqsServer, disturbance: Disturbance) => Promise<void>,
): Promise<"done" | undefined> {
  const services = new URL("../../../services/elasticmq/start.ts", import.meta.url).href;
  const started = (await import(services).catch(() => undefined)) as Elasticmq | undefined;
  if (started === undefined) return undefined;
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
      const again = restart();
      back = again;
      server = await again;
    };
    await run({ ...elasticmq, endpoint: server.endpoint }, { disturb, passed: () => back });
    return "done";
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
