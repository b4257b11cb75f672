import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import type * as SnsModule from "@aws-sdk/client-sns";
import type * as SqsModule from "@aws-sdk/client-sqs";
import type { Message, SQSClient } from "@aws-sdk/client-sqs";
import { traced as tracedSns } from "throughline/sns";
import { processMessage, traced } from "throughline/sqs";
import { answer, taskGiven } from "../child.ts";
import { observe } from "./observed.ts";

const { endpoint } = taskGiven() as { endpoint: string };
const observed = await observe("@opentelemetry/instrumentation-aws-sdk", "AwsInstrumentation");
const require = createRequire(import.meta.url);
const sqs = require("@aws-sdk/client-sqs") as typeof SqsModule;
const sns = require("@aws-sdk/client-sns") as typeof SnsModule;

const config = {
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
};
const clients = [1, 2].map(() => traced(new sqs.SQSClient(config)));
const [client] = clients as [SQSClient];
const publisher = new sns.SNSClient(config);
const publishing = tracedSns(publisher);

const name = `coexist-${randomUUID()}`;
const { QueueUrl = "" } = await client.send(new sqs.CreateQueueCommand({ QueueName: name }));
const { Attributes } = await client.send(
  new sqs.GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }),
);
const { TopicArn } = await publishing.send(new sns.CreateTopicCommand({ Name: name }));
const subscription = { TopicArn, Protocol: "sqs", Endpoint: Attributes?.["QueueArn"] };
const raw = { Attributes: { RawMessageDelivery: "true" } };
await publishing.send(new sns.SubscribeCommand({ ...subscription, ...raw }));

await observed.request(() =>
  client.send(new sqs.SendMessageCommand({ QueueUrl, MessageBody: "sent" })),
);
await handleOne("sent");
await observed.request(() =>
  client.send(
    new sqs.SendMessageBatchCommand({ QueueUrl, Entries: [{ Id: "1", MessageBody: "batch" }] }),
  ),
);
await handleOne("batch");
await observed.request(() =>
  publishing.send(new sns.PublishCommand({ TopicArn, Message: "published" })),
);
await handleOne("published");
for (const each of [...clients, publisher]) each.destroy();
answer(observed.seen({ publisherAsItIs: publishing === publisher }));

/** Receives the one message that there is, handles it and deletes it. */
async function handleOne(expected: string): Promise<void> {
  const asked = { QueueUrl, WaitTimeSeconds: 10 };
  const { Messages = [] } = await client.send(new sqs.ReceiveMessageCommand(asked));
  const [message] = Messages as [Message];
  if (message?.Body !== expected) throw new Error(`received ${message?.Body}, not ${expected}`);
  await processMessage(message, async () => {
    observed.handling(expected);
    await client.send(
      new sqs.DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }),
    );
  });
}
