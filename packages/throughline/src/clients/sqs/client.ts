import type { SQSClient } from "@aws-sdk/client-sqs";
import { fault } from "../../guard.ts";
import type { Tracing } from "../../tracing.ts";
import { wrapClient } from "../aws/client.ts";
import { operationOf } from "../aws/command.ts";
import { sendTraced, type SendOperation } from "../aws/producer.ts";
import { SQS_MAX_BYTES } from "../aws/message.ts";
import { queuesOf, type Queue } from "./queues.ts";
import type { Places } from "../aws/places.ts";
import { receiveTraced } from "./receive.ts";
import { settleTraced, SETTLING } from "./settle.ts";

const SENDING: Readonly<Record<string, SendOperation>> = {
  SendMessage: { body: "MessageBody", maxBytes: SQS_MAX_BYTES },
  SendMessageBatch: { body: "MessageBody", entries: "Entries", maxBytes: SQS_MAX_BYTES },
};

const METHODS = [
  "sendMessage",
  "sendMessageBatch",
  "receiveMessage",
  "deleteMessage",
  "deleteMessageBatch",
  "changeMessageVisibility",
  "changeMessageVisibilityBatch",
];

/** What is known of a client besides itself. */
export interface ClientFacts {
  /** OpenTelemetry's own instrumentation is on this client: sends and settlements are its. */
  readonly instrumented: boolean;
}

/** A client whose messages carry context, and whose received ones are known. */
export function tracedClient<Client extends SQSClient>(
  client: Client,
  tracing: Tracing,
  { instrumented }: ClientFacts,
): Client {
  const queues = queuesOf(tracing);
  return wrapClient(client, METHODS, (own, self, args) => {
    const { operation, queue } = toldBy(args[0], queues);
    const bare = (): unknown => Reflect.apply(own, self, args);
    if (queue === undefined || queue.source.ignored) return bare();
    if (operation === "ReceiveMessage") return receiveTraced(own, self, args, queue);
    if (instrumented) return bare();
    const sending = Object.hasOwn(SENDING, operation) ? SENDING[operation] : undefined;
    if (sending !== undefined) return sendTraced(own, self, args, sending, queue.destination);
    const settling = Object.hasOwn(SETTLING, operation) ? SETTLING[operation] : undefined;
    if (settling !== undefined) return settleTraced(own, self, args, settling, queue, tracing);
    return bare();
  });
}

/** What a command does, and with which queue; nothing that we know of where that can't be read. */
function toldBy(
  command: unknown,
  queues: Places<Queue>,
): { operation: string; queue: Queue | undefined } {
  try {
    const operation = operationOf(command);
    if (operation !== undefined) {
      const { QueueUrl } = (command as { input: { QueueUrl?: unknown } }).input;
      return { operation, queue: queues.of(QueueUrl) };
    }
  } catch (error) {
    fault("adapter", error);
  }
  return { operation: "", queue: undefined };
}
