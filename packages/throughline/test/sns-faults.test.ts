import { SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  CreateTopicCommand,
  PublishBatchCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { traced } from "throughline/sns";
import { contextOf } from "throughline/sqs";
import { notAsked } from "./outage-asked.ts";
import { type Tracing, tracing } from "./sdk.ts";
import { bareClient, makeQueue } from "./sqs-queue.ts";
import { configOf, fauxqs, type SqsServer } from "./sqs-servers.ts";

// SNS that goes away while messages are published: with us and without, side by side. What it took
// is in the queue that subscribes to the topic.

const MESSAGES = 10_000;
/** The bare client goes through the same outage with fewer: it is what ours is compared with. */
const MESSAGES_WITHOUT = 2_000;
const IN_ONE_CALL = 10;
/** Of so many calls one publishes a single message, and all others a batch. */
const SINGLE_EVERY = 5;
const PUBLISHERS = 8;

interface Published {
  /** How often each message is in the queue, by its number. */
  readonly arrived: ReadonlyMap<number, number>;
  /** Calls that failed, and were made again. */
  readonly failures: number;
  /** Messages that are not in the trace of their publisher. */
  readonly strayed: number;
}

interface Outage {
  /** Begins it, once; by whoever is half way first. */
  readonly begin: () => void;
  /** Awaited after a call that failed. */
  readonly over: () => Promise<unknown>;
}

async function publishThrough(
  server: SqsServer,
  count: number,
  wrap: (client: SNSClient) => SNSClient,
  { begin, over }: Outage,
): Promise<Published> {
  const sqs = bareClient(server);
  const sns = wrap(new SNSClient({ ...configOf(server), maxAttempts: 1 }));
  const { TopicArn, queue } = await subscribed(server, sqs, `outage-${count}`);
  const traces = new Map<number, string>();
  let [next, failures, strayed] = [0, 0, 0];

  async function publisher(): Promise<void> {
    while (next < count) {
      const from = next;
      const single = from % (IN_ONE_CALL * SINGLE_EVERY) < IN_ONE_CALL;
      next += single ? 1 : Math.min(IN_ONE_CALL - (from % IN_ONE_CALL), count - from);
      const numbers = Array.from({ length: next - from }, (_, at) => from + at);
      if (next >= count / 2) begin();
      await trace.getTracer("application").startActiveSpan("publisher", async (span) => {
        for (const number of numbers) traces.set(number, span.spanContext().traceId);
        await insist(numbers);
        span.end();
      });
    }
  }

  /** Until it succeeds, as an application does that must not lose anything. */
  async function insist(numbers: readonly number[]): Promise<void> {
    for (;;) {
      try {
        const [only] = numbers;
        if (numbers.length === 1) {
          await sns.send(new PublishCommand({ TopicArn, Message: String(only) }));
          return;
        }
        const entries = numbers.map((number) => ({ Id: String(number), Message: String(number) }));
        await sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: entries }));
        return;
      } catch {
        failures += 1;
        await over();
      }
    }
  }

  await Promise.all(Array.from({ length: PUBLISHERS }, publisher));
  await over();
  const arrived = new Map<number, number>();
  while (arrived.size < count) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queue,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ["All"],
      }),
    );
    if (Messages.length === 0) break;
    for (const message of Messages) {
      const number = Number(message.Body);
      arrived.set(number, (arrived.get(number) ?? 0) + 1);
      const of = trace.getSpanContext(contextOf(message))?.traceId;
      if (of !== traces.get(number)) strayed += 1;
    }
  }
  for (const client of [sqs, sns]) client.destroy();
  return { arrived, failures, strayed };
}

/** A topic, and a queue that it delivers to as it is. What is received is not received again. */
async function subscribed(
  server: SqsServer,
  sqs: SQSClient,
  Name: string,
): Promise<{ TopicArn: string; queue: string }> {
  const bare = new SNSClient(configOf(server));
  const { TopicArn = "" } = await bare.send(new CreateTopicCommand({ Name }));
  const queue = await makeQueue(sqs, { VisibilityTimeout: "3600" });
  const asked = new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: ["QueueArn"] });
  const { Attributes } = await sqs.send(asked);
  const Endpoint = Attributes?.["QueueArn"];
  const raw = { RawMessageDelivery: "true" };
  await bare.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes: raw }));
  bare.destroy();
  return { TopicArn, queue };
}

interface Fauxqs {
  startFauxqs(options: object): Promise<{ endpoint: string; port: number; stop(): Promise<void> }>;
}

test(
  `SNS: a server stopped and started while ${MESSAGES} messages are published: all arrive as without us, each in its publisher's trace, and no span stays open`,
  { skip: fauxqs.skip || notAsked, timeout: 240_000 },
  async (t) => {
    // The packed library is tested outside of this repository, where nothing starts servers.
    const services = new URL("../../../services/fauxqs/start.ts", import.meta.url).href;
    const started = (await import(services).catch(() => undefined)) as Fauxqs | undefined;
    if (started === undefined) return t.skip("no services/ beside the packed library");
    const folder = await mkdtemp(join(tmpdir(), "throughline-test-"));
    const options = { folder, progress: () => {} };
    let server = await started.startFauxqs(options);
    const sdk: Tracing = tracing();
    try {
      let back: Promise<unknown> | undefined;
      const restart = async (): Promise<void> => {
        await server.stop();
        server = await started.startFauxqs({ ...options, port: server.port });
      };
      const outage: Outage = {
        begin: () => void (back ??= restart()),
        over: () => back ?? Promise.resolve(),
      };
      const at = { ...fauxqs, endpoint: server.endpoint };
      const [without, ours] = await Promise.all([
        publishThrough(at, MESSAGES_WITHOUT, (client) => client, outage),
        publishThrough(at, MESSAGES, traced, outage),
      ]);
      assert.equal(without.arrived.size, MESSAGES_WITHOUT, "a message was lost without us");
      assert.equal(ours.arrived.size, MESSAGES, "a message was lost");
      assert.ok(ours.failures > 0, "no call failed");
      assert.equal(ours.strayed, 0, "a message is in another trace than its publisher's");
      assert.equal(sdk.open().length, 0, "a span was left open");
      const failed = sdk
        .spans()
        .filter(
          ({ name, status }) => name.startsWith("send ") && status.code === SpanStatusCode.ERROR,
        );
      assert.equal(failed.length, ours.failures, "a failed call has no failed span");
    } finally {
      await sdk.shutdown();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
);
