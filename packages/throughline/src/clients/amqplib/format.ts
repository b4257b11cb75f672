import type { Message, Options } from "amqplib";
import { describeMessage } from "../../brokers/rabbitmq/describe.ts";
import { SYSTEM_NAME } from "../../brokers/rabbitmq/destination.ts";
import type { MessageFormat } from "../../message.ts";

type Delivered = Partial<Message>;

/** What an amqplib message looks like once it is consumed. */
export const amqplibFormat: MessageFormat = {
  system: SYSTEM_NAME,
  headers: (message) => (message as Delivered).properties?.headers,
  // AMQP counts seconds, and leaves it to the publisher whether there is a timestamp at all.
  timestampMs(message) {
    const seconds: unknown = (message as Delivered).properties?.timestamp;
    return typeof seconds === "number" && seconds > 0 ? seconds * 1000 : undefined;
  },
  describe(message, span) {
    const { fields, properties } = message as Delivered;
    describeMessage(span, {
      routingKey: fields?.routingKey,
      messageId: properties?.messageId,
      correlationId: properties?.correlationId,
      deliveryTag: fields?.deliveryTag,
    });
  },
  republish(message, headers) {
    const { content, properties } = message as Delivered;
    return { ...kept(properties), content, headers };
  },
};

/**
 * The properties that a message keeps when it is published again. Not how long it may live: a dead
 * letter that expires is lost. Not the user: RabbitMQ refuses another's.
 */
function kept(properties: Partial<Message["properties"]> | undefined): Options.Publish {
  if (properties === undefined) return {};
  const { contentType, contentEncoding, deliveryMode, priority } = properties;
  const { correlationId, replyTo, messageId, timestamp, type, appId } = properties;
  const all = {
    contentType,
    contentEncoding,
    deliveryMode,
    priority,
    correlationId,
    replyTo,
    messageId,
    timestamp,
    type,
    appId,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
