import { context } from "@opentelemetry/api";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { traced } from "throughline/sns";
import type { CheckedVariant } from "../gate/checked.ts";
import { Endpoint, TOPIC_ARN } from "./aws-endpoint.ts";
import { instrumentedClass } from "./aws-peer.ts";
import { BODY, REQUEST, REQUEST_TRACEPARENT, traceparentIn } from "./orders.ts";
import { sideBySide } from "./sides.ts";

const CALLS = 100;

/** An SNSClient itself, before an endpoint without a network. */
export function snsSend(): Promise<CheckedVariant[]> {
  return sideBySide(true, ({ side, tracerProvider, options }) => {
    const endpoint = new Endpoint();
    const Client = side === "peer" ? instrumentedClass(SNSClient, tracerProvider) : SNSClient;
    const bare = new Client(endpoint.config);
    const client = side === "ours" ? traced(bare, { tracerProvider, ...options }) : bare;
    const sendAll = async (): Promise<void> => {
      for (let at = 0; at < CALLS; at++) {
        const MessageAttributes = {
          "event-type": { DataType: "String", StringValue: "order.placed" },
        };
        const input = { TopicArn: TOPIC_ARN, Message: BODY, MessageAttributes };
        await client.send(new PublishCommand(input));
      }
    };
    return {
      messages: CALLS,
      spans: CALLS,
      prepare: () => ({ run: () => context.with(REQUEST, sendAll) }),
      seen: () => ({ from: REQUEST_TRACEPARENT, now: traceparentIn(endpoint.last) }),
    };
  });
}
