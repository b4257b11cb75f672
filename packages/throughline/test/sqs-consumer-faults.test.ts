import type { Message } from "@aws-sdk/client-sqs";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Consumer, type ConsumerOptions } from "sqs-consumer";
import { processMessage, traced } from "throughline/sqs-consumer";
import { traced as tracedSqs } from "throughline/sqs";
import { notAsked } from "./outage-asked.ts";
import { elasticmq } from "./sqs-servers.ts";
import {
  compared,
  heldBy,
  MESSAGES,
  type Receiving,
  restarted,
  SETTLED_MS,
  type Way,
} from "./sqs-outage.ts";

// A server that goes away while sqs-consumer receives, handles and deletes: with us and without.

/** Consumers for each of the two kinds of handler, on one queue. */
const OF_EACH = 2;

const WITHOUT: Way = {
  wrap: (client) => client,
  receive: (flow) =>
    consume(
      flow,
      (options) => options,
      (_message, work) => work(),
    ),
};
const WITH: Way = {
  wrap: (client) => tracedSqs(client),
  receive: (flow) => consume(flow, traced, processMessage),
};

/**
 * Consumes until the consumers themselves have emptied the queue, after the last message was
 * handled: what they could not delete while the server was away comes again.
 */
async function consume(
  { sqs, bare, QueueUrl, done, handle, failed }: Receiving,
  wrap: (options: ConsumerOptions) => ConsumerOptions,
  one: (message: Message, work: () => void) => void,
): Promise<number[]> {
  const base = { queueUrl: QueueUrl, sqs, batchSize: 10, waitTimeSeconds: 1, pollingWaitTimeMs: 5 };
  const each: ConsumerOptions = {
    ...base,
    handleMessage: async (message) => {
      await setImmediate();
      handle(message);
      return message;
    },
  };
  const batch: ConsumerOptions = {
    ...base,
    handleMessageBatch: async (messages) => {
      for (const message of messages) {
        await setImmediate();
        one(message, () => handle(message));
      }
      return messages;
    },
  };
  const consumers = [each, batch].flatMap((options) =>
    Array.from({ length: OF_EACH }, () => Consumer.create(wrap(options))),
  );
  for (const consumer of consumers) {
    consumer.on("error", failed);
    consumer.on("processing_error", failed);
    consumer.start();
  }
  try {
    return await emptied(consumers, done, () => heldBy(bare, QueueUrl));
  } finally {
    const idle = consumers.map((consumer) => next(consumer, "stopped"));
    for (const consumer of consumers) consumer.stop();
    await Promise.all(idle);
  }
}

/** Not events' once(), which fails with the errors that the consumer goes on from. */
function next(consumer: Consumer, event: "empty" | "stopped"): Promise<void> {
  return new Promise((resolve) => void consumer.once(event, () => resolve()));
}

/** What the queue holds when a consumer has found nothing in it, and all is handled: nothing, soon. */
async function emptied(
  consumers: readonly Consumer[],
  done: () => boolean,
  held: () => Promise<number[]>,
): Promise<number[]> {
  let since: number | undefined;
  for (;;) {
    await Promise.race(consumers.map((consumer) => next(consumer, "empty")));
    if (!done()) continue;
    since ??= Date.now();
    const left = await held();
    if (left.every((number) => number === 0) || Date.now() - since > SETTLED_MS) return left;
  }
}

test(
  `sqs-consumer: a server stopped and started while ${MESSAGES} messages flow: nothing is lost or left undeleted, each is handled in its own trace, no span left open`,
  { skip: elasticmq.skip || notAsked, timeout: 240_000 },
  async (t) => {
    const done = await restarted((server, disturbance) =>
      compared(server, { without: WITHOUT, withUs: WITH }, disturbance),
    );
    if (done === undefined) t.skip("no services/ beside the packed library");
  },
);
