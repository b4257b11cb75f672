import { eachRecord } from "throughline/lambda";
import type { CheckedVariant } from "../gate/checked.ts";
import { BODY, Handled, MESSAGES, traceparentOf } from "./orders.ts";
import { sideBySide } from "./sides.ts";

const IN_ONE_EVENT = 10;

/** One record of an event of SQS's, with its context. */
function record(at: number): object {
  return {
    messageId: `m${at}`,
    receiptHandle: `r${at}`,
    body: BODY,
    attributes: { ApproximateReceiveCount: "1", SentTimestamp: "1700000000000" },
    messageAttributes: { traceparent: { stringValue: traceparentOf(at), dataType: "String" } },
    md5OfBody: "e4e68fb7bd0e697a0ae8f1bb342846b3",
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:eu-central-1:123456789012:orders",
    awsRegion: "eu-central-1",
  };
}

/** Events of ten messages each; bare is the loop that reports partial failures, written by hand. */
export function lambdaProcess(): Promise<CheckedVariant[]> {
  return sideBySide(false, ({ side, tracerProvider, options }) => {
    const handled = new Handled();
    const one = async (): Promise<void> => handled.one();
    const handler = side === "bare" ? byHand(one) : eachRecord(one, { tracerProvider, ...options });
    return {
      messages: MESSAGES,
      // One for each message, one for the call.
      spans: MESSAGES + MESSAGES / IN_ONE_EVENT,
      seen: () => handled.seen,
      prepare() {
        handled.reset();
        const events = Array.from({ length: MESSAGES / IN_ONE_EVENT }, (_, event) => ({
          Records: Array.from({ length: IN_ONE_EVENT }, (_, at) =>
            record(event * IN_ONE_EVENT + at),
          ),
        }));
        return {
          async run() {
            for (const event of events) await handler(event);
          },
        };
      },
    };
  });
}

function byHand(one: (record: object) => Promise<void>) {
  return async ({ Records }: { Records: readonly object[] }): Promise<object> => {
    const outcomes = await Promise.allSettled(Records.map(one));
    const failed = Records.filter((_, at) => outcomes[at]?.status === "rejected");
    return {
      batchItemFailures: failed.map((record) => ({
        itemIdentifier: (record as { messageId: string }).messageId,
      })),
    };
  };
}
