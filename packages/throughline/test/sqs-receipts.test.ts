// What is kept of received messages, for their deletion to be in their trace, is bounded.
import { trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import {
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
} from "@aws-sdk/client-sqs";
import { traced } from "throughline/sqs";
import { bareClient, makeQueue } from "./sqs-queue.ts";
import { fauxqs } from "./sqs-servers.ts";
import { type Tracing, tracing } from "./sdk.ts";

let sdk: Tracing;
beforeEach(() => {
  sdk = tracing();
});
afterEach(() => sdk.shutdown());

const KEPT = 2000;

test(
  "of messages that were received and not deleted the youngest 2,000 are remembered",
  {
    skip: fauxqs.skip,
    timeout: 120_000,
  },
  async () => {
    const [bare, sqs] = [bareClient(fauxqs), traced(bareClient(fauxqs))];
    const QueueUrl = await makeQueue(bare, { VisibilityTimeout: "600" });
    const traceparent = {
      DataType: "String",
      StringValue: `00-${"1".repeat(32)}-${"2".repeat(16)}-00`,
    };
    const ten = Array.from({ length: 10 }, (_, at) => ({
      Id: `id-${at}`,
      MessageBody: "1",
      MessageAttributes: { traceparent },
    }));
    const received: Message[] = [];
    while (received.length <= KEPT) {
      await bare.send(new SendMessageBatchCommand({ QueueUrl, Entries: ten }));
      const asked = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 });
      received.push(...((await sqs.send(asked)).Messages ?? []));
    }
    const deletedIn = async (message: Message | undefined): Promise<string | undefined> => {
      sdk.reset();
      const { ReceiptHandle } = message ?? {};
      await trace.getTracer("application").startActiveSpan("loop", async (loop) => {
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        loop.end();
      });
      // A span of an unsampled trace does not record: it is known by not being there.
      return sdk
        .spans()
        .find(({ name }) => name.startsWith("delete "))
        ?.spanContext().traceId;
    };
    const loops = async (message: Message | undefined): Promise<boolean> => {
      const traceId = await deletedIn(message);
      return (
        traceId ===
        sdk
          .spans()
          .find(({ name }) => name === "loop")
          ?.spanContext().traceId
      );
    };
    const youngest = received.at(-1);
    const forgotten = received[received.length - KEPT - 1];
    assert.equal(await loops(youngest), false);
    assert.equal(await loops(forgotten), true);
    sqs.destroy();
    bare.destroy();
  },
);
