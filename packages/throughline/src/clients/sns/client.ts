import type { SNSClient } from "@aws-sdk/client-sns";
import { Destination } from "../../destination.ts";
import { fault } from "../../guard.ts";
import { SNS_TOPIC_ARN } from "../../semconv.ts";
import type { Tracing } from "../../tracing.ts";
import { wrapClient } from "../aws/client.ts";
import { operationOf } from "../aws/command.ts";
import { Places } from "../aws/places.ts";
import { sendTraced, type SendOperation } from "../aws/producer.ts";

const SNS_SYSTEM = "aws.sns";
/** SNS's limit on a message's size, in bytes; on all messages of a batch too. */
const SNS_MAX_BYTES = 262_144;

const SENDING: Readonly<Record<string, SendOperation>> = {
  Publish: { body: "Message", maxBytes: SNS_MAX_BYTES },
  PublishBatch: {
    body: "Message",
    entries: "PublishBatchRequestEntries",
    maxBytes: SNS_MAX_BYTES,
  },
};

const METHODS = ["publish", "publishBatch"];

/** A client whose messages carry context to the topics that they are published to. */
export function tracedClient<Client extends SNSClient>(client: Client, tracing: Tracing): Client {
  const topics = new Places((arn) => topicOf(arn, tracing));
  return wrapClient(client, METHODS, (own, self, args) => {
    const { sending, topic } = toldBy(args[0], topics);
    if (sending === undefined || topic === undefined || topic.ignored) {
      return Reflect.apply(own, self, args);
    }
    return sendTraced(own, self, args, sending, topic);
  });
}

function topicOf(arn: string, tracing: Tracing): Destination {
  const name = arn.slice(arn.lastIndexOf(":") + 1);
  return new Destination(SNS_SYSTEM, tracing, name, { [SNS_TOPIC_ARN]: arn });
}

interface Told {
  readonly sending: SendOperation | undefined;
  readonly topic: Destination | undefined;
}

function toldBy(command: unknown, topics: Places<Destination>): Told {
  try {
    const operation = operationOf(command) ?? "";
    const sending = Object.hasOwn(SENDING, operation) ? SENDING[operation] : undefined;
    if (sending !== undefined) {
      const { input } = command as { input: { TopicArn?: unknown; TargetArn?: unknown } };
      const arn = input.TopicArn ?? input.TargetArn;
      return { sending, topic: isTopic(arn) ? topics.of(arn) : undefined };
    }
  } catch (error) {
    fault("adapter", error);
  }
  return { sending: undefined, topic: undefined };
}

/** A phone's number and an application's endpoint are no destinations that anybody consumes: `…:endpoint/…`. */
function isTopic(arn: unknown): boolean {
  return typeof arn === "string" && arn.startsWith("arn:") && !arn.includes("/");
}
