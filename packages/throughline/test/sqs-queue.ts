import { randomUUID } from "node:crypto";
import {
  CreateQueueCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { configOf, type SqsServer } from "./sqs-servers.ts";

/** A client that nobody traces. */
export function bareClient(server: SqsServer): SQSClient {
  return new SQSClient(configOf(server));
}

/** A standard queue that nobody else uses, by its URL. */
export async function makeQueue(
  sqs: SQSClient,
  Attributes: Record<string, string> = {},
): Promise<string> {
  const QueueName = `test-${randomUUID()}`;
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
  return QueueUrl;
}

/** Everything in a queue, by as many receives as it takes; waits for at least one message. */
export async function receiveAll(
  sqs: SQSClient,
  QueueUrl: string,
  count: number,
  asked: readonly string[] = ["All"],
): Promise<Message[]> {
  const received: Message[] = [];
  const deadline = Date.now() + 20_000;
  while (received.length < count && Date.now() < deadline) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 1,
        MessageAttributeNames: [...asked],
        MessageSystemAttributeNames: ["All"],
      }),
    );
    received.push(...Messages);
  }
  return received;
}

/** Text attributes by name. */
export function textAttributes(texts: Record<string, string>): Record<string, TextAttribute> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, StringValue]) => [name, { DataType: "String", StringValue }]),
  );
}

interface TextAttribute {
  DataType: string;
  StringValue: string;
}
