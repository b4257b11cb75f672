import { GetQueueAttributesCommand, type Message, SendMessageCommand } from "@aws-sdk/client-sqs";
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, beforeEach, describe, test } from "node:test";
import { Consumer } from "sqs-consumer";
import { traced, withRetries } from "throughline/sqs-consumer";
import { type Tracing, tracing } from "./sdk.ts";
import { bareClient, makeQueue, receiveAll } from "./sqs-queue.ts";
import { elasticmq, fauxqs } from "./sqs-servers.ts";

// What is particular to sqs-consumer: it deletes what its handler gives back, and keeps the rest.

for (const server of [fauxqs, elasticmq]) {
  describe(`sqs-consumer on ${server.name}`, { skip: server.skip, timeout: 60_000 }, () => {
    const sqs = bareClient(server);
    let sdk: Tracing;
    beforeEach(() => {
      sdk = tracing();
    });
    afterEach(() => sdk.shutdown());
    after(() => sqs.destroy());

    test("a message whose dead letter is sent is deleted, and one that is handled as its handler says", async () => {
      const QueueUrl = await makeQueue(sqs, { VisibilityTimeout: "1" });
      const letters = await makeQueue(sqs);
      const handled: (string | undefined)[] = [];
      const handleMessage = withRetries(
        async (message: Message) => {
          handled.push(message.Body);
          if (message.Body === "fails") throw new Error("declined");
          return message.Body === "kept" ? undefined : message;
        },
        {
          attempts: 2,
          deadLetter: (letter) =>
            sqs.send(new SendMessageCommand({ QueueUrl: letters, ...letter })),
        },
      );
      const consumer = Consumer.create(
        traced({ queueUrl: QueueUrl, sqs, waitTimeSeconds: 1, handleMessage }),
      );
      for (const body of ["fails", "handled"]) {
        const processed = once(consumer, "message_processed");
        await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
        if (!consumer.status.isRunning) consumer.start();
        await processed;
      }
      assert.deepEqual(handled, ["fails", "fails", "handled"]);
      // One that the handler keeps comes again, as it does without us.
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "kept" }));
      while (handled.length < 5) await once(consumer, "response_processed");
      const stopped = once(consumer, "stopped");
      consumer.stop();
      await stopped;
      assert.equal((await receiveAll(sqs, letters, 1)).length, 1);
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }),
      );
      const left =
        Number(Attributes?.["ApproximateNumberOfMessages"]) +
        Number(Attributes?.["ApproximateNumberOfMessagesNotVisible"]);
      assert.equal(left, 1);
    });
  });
}
