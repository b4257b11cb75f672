// traced() gives back the type it was given, for whatever of AWS's clients and handlers a user holds.
import {
  type Message,
  SendMessageCommand,
  type SendMessageCommandOutput,
  SQS,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { SNS, SNSClient } from "@aws-sdk/client-sns";
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import type {
  Context,
  EventBridgeHandler,
  MSKHandler,
  MSKRecord,
  SNSHandler,
  SNSEventRecord,
  SQSBatchResponse,
  SQSEvent,
  SQSHandler,
  SQSRecord,
} from "aws-lambda";
import { Consumer, type ConsumerOptions } from "sqs-consumer";
import * as lambda from "throughline/lambda";
import * as sns from "throughline/sns";
import * as sqs from "throughline/sqs";
import * as sqsConsumer from "throughline/sqs-consumer";
import type { ClientFunctions } from "throughline/testing";

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const client = sqs.traced(new SQSClient({}));
same<typeof client, SQSClient>(true);
const aggregated = sqs.traced(new SQS({}), { spans: "off" });
same<typeof aggregated, SQS>(true);
const sent = client.send(new SendMessageCommand({ QueueUrl: "", MessageBody: "" }));
same<typeof sent, Promise<SendMessageCommandOutput>>(true);

const publisher = sns.traced(new SNSClient({}));
same<typeof publisher, SNSClient>(true);
const topics = sns.traced(new SNS({}));
same<typeof topics, SNS>(true);

// @ts-expect-error an SNS client receives no messages
sqs.traced(publisher);
// @ts-expect-error a relation of that name does not exist
sqs.traced(client, { relation: "sibling" });

export const functions: ClientFunctions = sqs;

const options: ConsumerOptions = { queueUrl: "", handleMessage: async (message) => message };
const tracedOptions = sqsConsumer.traced(options);
same<typeof tracedOptions, ConsumerOptions>(true);
export const consumer: Consumer = Consumer.create(
  sqsConsumer.traced({
    queueUrl: "",
    handleMessage: sqsConsumer.withRetries(async (message: Message): Promise<Message> => message, {
      deadLetter: (letter) =>
        client.send(new SendMessageCommand({ QueueUrl: "letters", ...letter })),
    }),
  }),
);

declare const message: Message;
const answer = sqs.processMessage(message, async ({ Body }) => Body?.length);
same<typeof answer, Promise<number | undefined>>(true);
export const letter = new SendMessageCommand({
  QueueUrl: "",
  ...sqs.deadLetter(message, new Error("no funds")),
});

const work = async (event: SQSEvent, context: Context): Promise<string> =>
  `${event.Records.length} ${context.awsRequestId}`;
const handler = lambda.traced(work);
same<typeof handler, typeof work>(true);
export const ofQueue: SQSHandler = lambda.eachRecord(async (record: SQSRecord) => record.body);
export const ofTopic: SNSHandler = lambda.eachRecord(async (record: SNSEventRecord) => record.Sns);
export const ofKafka: MSKHandler = lambda.eachRecord(async (record: MSKRecord) => record.topic);
export const ofBus: EventBridgeHandler<"OrderPlaced", { id: string }, void> = lambda.traced(
  async () => {},
);
const recordHandler = lambda.traced(async (record: SQSRecord) => void record.body);
export const powertools = async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> =>
  processPartialResponse(event, recordHandler, new BatchProcessor(EventType.SQS), { context });
const detail = lambda.injectContext({ id: "7" });
same<typeof detail, { id: string }>(true);
