import { context } from "@opentelemetry/api";
import {
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { processMessage, traced } from "throughline/sqs";
import type { CheckedVariant } from "../gate/checked.ts";
import { Endpoint, IN_ONE_CALL, QUEUE_URL, received } from "./aws-endpoint.ts";
import { instrumentedClass } from "./aws-peer.ts";
import { BODY, Handled, MESSAGES, REQUEST, REQUEST_TRACEPARENT, traceparentIn } from "./orders.ts";
import { type How, type Side, sideBySide, type Work } from "./sides.ts";

/** A call to AWS costs as much as many messages of another client: a run makes fewer. */
const CALLS = 100;

/** An SQSClient itself, before an endpoint without a network. */
export function sqsClient(endpoint: Endpoint, { side, tracerProvider, options }: How): SQSClient {
  const Client = side === "peer" ? instrumentedClass(SQSClient, tracerProvider) : SQSClient;
  const client = new Client(endpoint.config);
  return side === "ours" ? traced(client, { tracerProvider, ...options }) : client;
}

/** A receive, and each of its messages handled; the peer has a span for the receive and none for a message. */
export function sqsProcess(): Promise<CheckedVariant[]> {
  return sideBySide(true, (how) => {
    const endpoint = new Endpoint();
    const client = sqsClient(endpoint, how);
    const handled = new Handled();
    const handler = async (): Promise<void> => handled.one();
    const handle: (message: Message) => unknown =
      how.side === "ours" ? (message) => processMessage(message, handler) : handler;
    const receive = async (): Promise<void> => {
      const asked = { QueueUrl: QUEUE_URL, MaxNumberOfMessages: IN_ONE_CALL };
      const { Messages } = await client.send(new ReceiveMessageCommand(asked));
      for (const message of Messages ?? []) await handle(message);
    };
    return {
      messages: MESSAGES,
      spans: how.side === "ours" ? MESSAGES : MESSAGES / IN_ONE_CALL,
      ...receiving(handled, how.side),
      prepare() {
        handled.reset();
        endpoint.put(deliveries());
        return {
          async run() {
            for (let at = 0; at < MESSAGES / IN_ONE_CALL; at++) await receive();
          },
        };
      },
    };
  });
}

/** The receives of one run. */
export function deliveries(): string[] {
  return Array.from({ length: MESSAGES / IN_ONE_CALL }, (_, at) => received(at * IN_ONE_CALL));
}

/** What a handler has seen; of the peer there is nothing to see in it. */
export function receiving(handled: Handled, side: Side): Pick<Work, "seen"> {
  return side === "peer" ? {} : { seen: () => handled.seen };
}

const attributes = (): object => ({
  "event-type": { DataType: "String", StringValue: "order.placed" },
});

export function sqsSend(): Promise<CheckedVariant[]> {
  return sending(1, 1, (client, order) => {
    const input = { QueueUrl: QUEUE_URL, ...order() };
    return client.send(new SendMessageCommand(input));
  });
}

/** Ten messages a call: a span for each and one for the call; the peer's one is in all of them. */
export function sqsSendBatch(): Promise<CheckedVariant[]> {
  return sending(IN_ONE_CALL, IN_ONE_CALL + 1, (client, order) => {
    const Entries = Array.from({ length: IN_ONE_CALL }, (_, at) => ({ Id: `${at}`, ...order() }));
    return client.send(new SendMessageBatchCommand({ QueueUrl: QUEUE_URL, Entries }));
  });
}

type Order = () => { MessageBody: string; MessageAttributes: {} };

function sending(
  size: number,
  spansACall: number,
  send: (client: SQSClient, order: Order) => Promise<unknown>,
): Promise<CheckedVariant[]> {
  return sideBySide(true, (how) => {
    const endpoint = new Endpoint();
    const client = sqsClient(endpoint, how);
    const order: Order = () => ({ MessageBody: BODY, MessageAttributes: attributes() });
    const sendAll = async (): Promise<void> => {
      for (let at = 0; at < CALLS; at++) await send(client, order);
    };
    return {
      messages: CALLS * size,
      spans: CALLS * (how.side === "ours" ? spansACall : 1),
      prepare: () => ({ run: () => context.with(REQUEST, sendAll) }),
      seen: () => ({ from: REQUEST_TRACEPARENT, now: traceparentIn(endpoint.last) }),
    };
  });
}
