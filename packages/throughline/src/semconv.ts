/**
 * Names of OpenTelemetry's messaging semantic conventions, v1.44.0 (status: Development).
 * The convention is still moving: this is the one file to change when it does.
 */
export const SYSTEM = "messaging.system";
export const OPERATION_NAME = "messaging.operation.name";
export const OPERATION_TYPE = "messaging.operation.type";
export const DESTINATION = "messaging.destination.name";
export const DESTINATION_TEMPLATE = "messaging.destination.template";
export const PARTITION = "messaging.destination.partition.id";
export const GROUP = "messaging.consumer.group.name";
export const CLIENT_ID = "messaging.client.id";
export const MESSAGE_ID = "messaging.message.id";
export const CONVERSATION_ID = "messaging.message.conversation_id";
export const BATCH_COUNT = "messaging.batch.message_count";
export const SERVER_ADDRESS = "server.address";
export const SERVER_PORT = "server.port";
export const ERROR_TYPE = "error.type";

export const RABBITMQ_ROUTING_KEY = "messaging.rabbitmq.destination.routing_key";
export const RABBITMQ_DELIVERY_TAG = "messaging.rabbitmq.message.delivery_tag";

export const KAFKA_OFFSET = "messaging.kafka.offset";
export const KAFKA_KEY = "messaging.kafka.message.key";
export const KAFKA_TOMBSTONE = "messaging.kafka.message.tombstone";

export const SQS_QUEUE_URL = "aws.sqs.queue.url";
export const SNS_TOPIC_ARN = "aws.sns.topic.arn";
export const AWS_REQUEST_ID = "aws.request_id";

/** Our own: the links that a batch span has room for are 128; how many more there were. */
export const LINKS_DROPPED = "throughline.links.dropped";
/** Our own: a message's span was ended before it was settled, for want of room (`given up`). */
export const SETTLEMENT = "throughline.settlement";
/** Our own: how many spans' contexts a message with several traceparents claimed. */
export const DUPLICATES = "throughline.context.duplicates";

export const PROCESS_DURATION = "messaging.process.duration";
export const OPERATION_DURATION = "messaging.client.operation.duration";
export const SENT_MESSAGES = "messaging.client.sent.messages";
export const CONSUMED_MESSAGES = "messaging.client.consumed.messages";
/** Our own: messages by what became of their context (attribute `outcome`). */
export const CONTEXT_OUTCOMES = "throughline.context";
/** Our own: how often tracing itself failed, by step. */
export const FAULTS = "throughline.faults";

/** Seconds; the bucket boundaries that the convention gives for both durations. */
export const DURATION_BUCKETS_S: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** `error.type` of whatever a handler throws: its code or name, low in cardinality; `_OTHER` else. */
export function errorType(error: unknown): string {
  try {
    if (error !== null && typeof error === "object") {
      const { code, name } = error as { code?: unknown; name?: unknown };
      if (typeof code === "string" && code !== "") return code.slice(0, 128);
      if (typeof name === "string" && name !== "") return name.slice(0, 128);
    }
  } catch {
    // An accessor of the application's error threw.
  }
  return "_OTHER";
}
