import type { AsyncMessage } from "rabbitmq-client";
import { describeMessage } from "../../brokers/rabbitmq/describe.ts";
import { SYSTEM_NAME } from "../../brokers/rabbitmq/destination.ts";
import type { MessageFormat } from "../../message.ts";

type Delivered = Partial<AsyncMessage>;

/** What a message of rabbitmq-client's looks like once it is consumed. */
export const rabbitmqClientFormat: MessageFormat = {
  system: SYSTEM_NAME,
  headers: (message) => (message as Delivered).headers,
  // AMQP counts seconds, and leaves it to the publisher whether there is a timestamp at all.
  timestampMs(message) {
    const seconds: unknown = (message as Delivered).timestamp;
    return typeof seconds === "number" && seconds > 0 ? seconds * 1000 : undefined;
  },
  describe: (message, span) => describeMessage(span, message),
  // Not how long it may live: a dead letter that expires is lost. Not the user: RabbitMQ refuses
  // another's. No exchange and no key: where to is the caller's.
  republish(message, headers) {
    const { body, contentType, contentEncoding, durable, priority } = message as Delivered;
    const { correlationId, replyTo, messageId, timestamp, type, appId } = message as Delivered;
    const properties = {
      contentType,
      contentEncoding,
      durable,
      priority,
      correlationId,
      replyTo,
      messageId,
      timestamp,
      type,
      appId,
    };
    const kept = Object.entries(properties).filter(([, value]) => value !== undefined);
    return { ...Object.fromEntries(kept), body: body as unknown, headers };
  },
};
