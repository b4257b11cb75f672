import { trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, afterEach, beforeEach, describe, test } from "node:test";
import {
  CreateTopicCommand,
  PublishBatchCommand,
  PublishCommand,
  SNS,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { traced } from "throughline/sns";
import { contextOf, deadLetter, processMessage } from "throughline/sqs";
import { bareClient, makeQueue, receiveAll, textAttributes } from "./sqs-queue.ts";
import { configOf, fauxqs } from "./sqs-servers.ts";
import { type Tracing, tracing } from "./sdk.ts";

// SNS, and its two ways to a queue. ElasticMQ has none.

const tracer = (): ReturnType<typeof trace.getTracer> => trace.getTracer("application");

describe("SNS on fauxqs", { skip: fauxqs.skip, timeout: 60_000 }, () => {
  const sqs = bareClient(fauxqs);
  const bare = new SNSClient(configOf(fauxqs));
  const sns = traced(new SNSClient(configOf(fauxqs)));
  let sdk: Tracing;
  beforeEach(() => {
    sdk = tracing();
  });
  afterEach(() => sdk.shutdown());
  after(() => {
    for (const client of [sqs, bare, sns]) client.destroy();
  });

  /** A topic with a queue that subscribes to it. */
  async function subscribed(raw: boolean): Promise<{ TopicArn: string; queue: string }> {
    const { TopicArn = "" } = await bare.send(
      new CreateTopicCommand({ Name: `topic-${randomUUID()}` }),
    );
    const queue = await makeQueue(sqs);
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: ["QueueArn"] }),
    );
    await bare.send(
      new SubscribeCommand({
        TopicArn,
        Protocol: "sqs",
        Endpoint: Attributes?.["QueueArn"],
        Attributes: { RawMessageDelivery: String(raw) },
      }),
    );
    return { TopicArn, queue };
  }

  for (const raw of [true, false]) {
    const how = raw ? "raw delivery" : "delivery in an envelope";
    test(`what is published reaches a queue's handler in its publisher's trace, by ${how}`, async () => {
      const { TopicArn, queue } = await subscribed(raw);
      await tracer().startActiveSpan("publisher", async (span) => {
        await sns.send(
          new PublishCommand({
            TopicArn,
            Message: "1",
            MessageAttributes: textAttributes({ tenant: "a" }),
          }),
        );
        span.end();
      });
      const [message] = await receiveAll(sqs, queue, 1);
      assert.equal(message?.Body === "1", raw);
      processMessage(message ?? {}, () => tracer().startSpan("handled").end(), {
        system: "aws_sqs",
        destination: queue,
      });
      const [publish, , handled, process] = sdk.spans();
      assert.equal(new Set(sdk.spans().map((each) => each.spanContext().traceId)).size, 1);
      assert.equal(publish?.name, `send ${TopicArn.split(":").at(-1)}`);
      assert.equal(publish?.attributes["messaging.system"], "aws.sns");
      assert.equal(publish?.attributes["aws.sns.topic.arn"], TopicArn);
      assert.equal(process?.parentSpanContext?.spanId, publish?.spanContext().spanId);
      assert.equal(handled?.parentSpanContext?.spanId, process?.spanContext().spanId);
    });
  }

  test("each entry of publishBatch carries a context of its own", async () => {
    const { TopicArn, queue } = await subscribed(false);
    const own = traced(new SNS(configOf(fauxqs)));
    await own.publishBatch({
      TopicArn,
      PublishBatchRequestEntries: ["1", "2"].map((Message) => ({ Id: Message, Message })),
    });
    await sns.send(
      new PublishBatchCommand({
        TopicArn,
        PublishBatchRequestEntries: [{ Id: "3", Message: "3" }],
      }),
    );
    const received = await receiveAll(sqs, queue, 3);
    const spanIds = received.map(
      (message) => trace.getSpanContext(contextOf(message))?.spanId ?? "none",
    );
    const created = sdk
      .spans()
      .filter(({ name, links }) => name.startsWith("create ") || links.length === 0)
      .map((span) => span.spanContext().spanId);
    assert.deepEqual(spanIds.toSorted(), created.toSorted());
    own.destroy();
  });

  test("a dead letter of a message in an envelope carries its own context outside of it", async () => {
    const { TopicArn, queue } = await subscribed(false);
    const MessageAttributes = textAttributes({ tenant: "a" });
    await sns.send(new PublishCommand({ TopicArn, Message: "1", MessageAttributes }));
    const [message] = await receiveAll(sqs, queue, 1);
    const letter = deadLetter(message ?? {}, new Error("no funds"));
    assert.equal(letter.MessageBody, message?.Body);
    assert.deepEqual(Object.keys(letter.MessageAttributes).toSorted(), ["dlq", "traceparent"]);
  });

  test("a text message to a phone is left alone", async () => {
    const number = "+15550100";
    await sns.send(new PublishCommand({ PhoneNumber: number, Message: "1" })).catch(() => {});
    assert.equal(sdk.spans().length, 0);
  });
});
