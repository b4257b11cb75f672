import type { Span } from "@opentelemetry/api";
import type { Options } from "amqplib";
import { describeMessage } from "../../brokers/rabbitmq/describe.ts";
import type { Outgoing } from "../../send.ts";

/** The options of one publish, each of those that amqplib knows read once; the message's headers among them. */
export class SentOptions implements Outgoing {
  readonly message: object;
  readonly headers: object | undefined;
  private readonly read: Options.Publish;
  private readonly routingKey: string;

  private constructor(
    given: object,
    read: Options.Publish,
    headers: object | undefined,
    routingKey: string,
  ) {
    this.message = given;
    this.read = read;
    this.headers = headers;
    this.routingKey = routingKey;
  }

  /** Undefined where amqplib is going to refuse them. */
  static of(options: unknown, routingKey: string): SentOptions | undefined {
    // What is not there, or false, is no options to amqplib.
    if (!options) return new SentOptions({}, {}, undefined, routingKey);
    if (typeof options !== "object") return undefined;
    const read = readOptions(options);
    const headers: unknown = read.headers;
    if (headers && typeof headers !== "object") return undefined;
    return new SentOptions(options, read, headers ? sendable(headers) : undefined, routingKey);
  }

  describe(span: Span): void {
    const { messageId, correlationId } = this.read;
    describeMessage(span, { routingKey: this.routingKey, messageId, correlationId });
  }

  /** The options to give to amqplib, with these headers. */
  with(headers: object): Options.Publish {
    return { ...this.read, headers };
  }
}

function readOptions(options: Options.Publish): Options.Publish {
  const { CC, BCC, persistent, deliveryMode, expiration, mandatory, headers } = options;
  const { contentType, contentEncoding, priority, correlationId, replyTo } = options;
  const { messageId, timestamp, type, userId, appId } = options;
  // undefined is what amqplib itself reads where there is nothing.
  return {
    CC,
    BCC,
    persistent,
    deliveryMode,
    expiration,
    mandatory,
    headers,
    contentType,
    contentEncoding,
    priority,
    correlationId,
    replyTo,
    messageId,
    timestamp,
    type,
    userId,
    appId,
  } as Options.Publish;
}

/** The headers that amqplib would send: what it can enumerate, inherited or not; nothing of a Map. */
function sendable(headers: object): object {
  const prototype: unknown = Object.getPrototypeOf(headers);
  if (prototype === Object.prototype || prototype === null) return headers;
  const own: Record<string, unknown> = {};
  // oxlint-disable-next-line guard-for-in -- amqplib sends what is inherited, too.
  for (const name in headers) own[name] = headers[name as keyof typeof headers];
  return own;
}
