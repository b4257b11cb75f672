// Events as AWS documents them for each source, with the parts that a handler reads.

import type {
  EventBridgeEvent,
  MSKEvent,
  SelfManagedKafkaEvent,
  SNSEvent,
  SQSEvent,
  SQSRecord,
} from "aws-lambda";

/** traceparent of a sender of our choice. */
export function traceparentOf(sender: string): string {
  return `00-${sender.repeat(32)}-${sender.repeat(16)}-01`;
}

/** A queue's messages: bodies, each with the sender of its trace. */
export function sqsEvent(bodies: Record<string, string>, queue = "orders"): SQSEvent {
  return {
    Records: Object.entries(bodies).map(([body, sender]) => sqsRecord(body, sender, queue)),
  };
}

function sqsRecord(body: string, sender: string, queue: string): SQSRecord {
  return {
    messageId: `id-of-${body}`,
    receiptHandle: "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
    body,
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "1545082649183",
      SenderId: "AIDAIENQZJOLO23YVJ4VO",
      ApproximateFirstReceiveTimestamp: "1545082649185",
    },
    messageAttributes: {
      traceparent: {
        stringValue: traceparentOf(sender),
        stringListValues: [],
        binaryListValues: [],
        dataType: "String",
      },
    },
    md5OfBody: "e4e68fb7bd0e697a0ae8f1bb342846b3",
    eventSource: "aws:sqs",
    eventSourceARN: `arn:aws:sqs:us-east-2:123456789012:${queue}`,
    awsRegion: "us-east-2",
  };
}

export function snsEvent(sender: string): SNSEvent {
  const topic = "arn:aws:sns:us-east-1:123456789012:orders";
  return {
    Records: [
      {
        EventVersion: "1.0",
        EventSubscriptionArn: `${topic}:21be56ed-a058-49f5-8c98-aedd2564c486`,
        EventSource: "aws:sns",
        Sns: {
          SignatureVersion: "1",
          Timestamp: "2019-01-02T12:45:07.000Z",
          Signature: "tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi+tE/1+82j",
          SigningCertUrl: "https://sns.us-east-1.amazonaws.com/SimpleNotificationService.pem",
          MessageId: "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
          Message: "Hello from SNS!",
          MessageAttributes: { traceparent: { Type: "String", Value: traceparentOf(sender) } },
          Type: "Notification",
          UnsubscribeUrl: "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
          TopicArn: topic,
          Subject: "TestInvoke",
        },
      },
    ],
  };
}

const kafkaRecords = (senders: readonly string[]): MSKEvent["records"] => ({
  "orders-0": senders.map((sender, at) => ({
    topic: "orders",
    partition: 0,
    offset: 15 + at,
    timestamp: 1545084650987,
    timestampType: "CREATE_TIME" as const,
    key: Buffer.from(`order-${sender}`).toString("base64"),
    value: Buffer.from(`{"order":"${sender}"}`).toString("base64"),
    headers: [
      { traceparent: [...Buffer.from(traceparentOf(sender))] },
      { tenant: [...Buffer.from("a")] },
    ],
  })),
});

export function mskEvent(senders: readonly string[]): MSKEvent {
  return {
    eventSource: "aws:kafka",
    eventSourceArn: "arn:aws:kafka:us-east-1:123456789012:cluster/vpc-2priv-2pub/751d2973-a626",
    bootstrapServers: "b-2.demo-cluster-1.a1bcde.c1.kafka.us-east-1.amazonaws.com:9092",
    records: kafkaRecords(senders),
  };
}

export function selfManagedKafkaEvent(senders: readonly string[]): SelfManagedKafkaEvent {
  return {
    eventSource: "SelfManagedKafka",
    bootstrapServers: "abc3.xyz.com:9092,abc2.xyz.com:9092",
    records: kafkaRecords(senders),
  };
}

export function bridgeEvent<Detail extends object>(
  detail: Detail,
): EventBridgeEvent<"OrderPlaced", Detail> {
  return {
    version: "0",
    id: "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "OrderPlaced",
    source: "shop.orders",
    account: "123456789012",
    time: "2021-11-12T00:00:00Z",
    region: "us-east-2",
    resources: [],
    detail,
  };
}
