import type { SQSClient } from "@aws-sdk/client-sqs";
import { fault } from "../../guard.ts";
import type { Tracing } from "../../tracing.ts";
import { type Method, wrap } from "../../wrap.ts";
import { operationOf } from "../aws/command.ts";
import { sendTraced, type SendOperation } from "../aws/producer.ts";
import { SQS_MAX_BYTES } from "../aws/message.ts";
import { Queues, type Queue } from "./queues.ts";
import { receiveTraced } from "./receive.ts";
import { settleTraced, SETTLING } from "./settle.ts";

const SENDING: Readonly<Record<string, SendOperation>> = {
  SendMessage: { body: "MessageBody", maxBytes: SQS_MAX_BYTES },
  SendMessageBatch: { body: "MessageBody", entries: "Entries", maxBytes: SQS_MAX_BYTES },
};

/**
 * The methods of the aggregated `SQS` class make a command and hand it to `send` of whatever they
 * are called on: they are called on the traced client.
 */
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
  const queues = new Queues(tracing);
  const methods: Record<string, Method> = {
    send(own, self, args) {
      const operation = operationOf(args[0]) ?? "";
      const bare = (): unknown => Reflect.apply(own, self, args);
      const queue = queueOf(args[0], queues);
      if (queue === undefined || queue.source.ignored) return bare();
      if (operation === "ReceiveMessage") return receiveTraced(own, self, args, queue);
      if (instrumented) return bare();
      const sending = Object.hasOwn(SENDING, operation) ? SENDING[operation] : undefined;
      if (sending !== undefined) return sendTraced(own, self, args, sending, queue.destination);
      const settling = Object.hasOwn(SETTLING, operation) ? SETTLING[operation] : undefined;
      if (settling !== undefined) return settleTraced(own, self, args, settling, queue, tracing);
      return bare();
    },
  };
  for (const name of METHODS) {
    methods[name] = (own, self, args) => Reflect.apply(own, self === client ? proxy : self, args);
  }
  const proxy = wrap(client, methods);
  return proxy;
}

function queueOf(command: unknown, queues: Queues): Queue | undefined {
  try {
    const { input } = (command ?? {}) as { input?: { QueueUrl?: unknown } | null };
    return queues.of(input?.QueueUrl);
  } catch (error) {
    fault("adapter", error);
    return undefined;
  }
}
