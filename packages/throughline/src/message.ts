import type { Span } from "@opentelemetry/api";
import type { Headers } from "./carrier.ts";

/**
 * What is known of one delivered message besides the message itself: the third argument of
 * processMessage, for a message that no traced client delivered.
 */
export interface Delivery {
  /** The broker, as the convention spells it: `kafka`, `rabbitmq`, `aws_sqs`, … */
  readonly system: string;
  /** The topic, queue or subscription that the message came from. */
  readonly destination: string;
  readonly partition?: string | number;
  /** The consumer group or subscription. */
  readonly group?: string;
  /** The message's id, where the broker gives one. */
  readonly messageId?: string;
  /**
   * The message's headers, where they do not stand in `message.headers`; or a function of the message
   * that gives them, for several messages at once.
   */
  readonly headers?: Headers;
}

/** The headers that a delivery tells of a message; undefined where it tells of none. */
export function headersTold(message: object, headers: Headers): Headers {
  return typeof headers === "function"
    ? (headers as (message: object) => Headers)(message)
    : headers;
}

/** The same without what differs from message to message: what a partition's messages share. */
export type Origin = Pick<Delivery, "system" | "destination" | "partition" | "group">;

/**
 * How one client lays a message out: all that the core knows of a client. A method that is absent
 * says that the client's messages have no such thing.
 */
export interface MessageFormat {
  /** The broker, where the client speaks to one kind alone. */
  readonly system: string | undefined;
  /** The headers of a message, as the client gives and takes them; undefined for none. */
  headers(message: object): Headers;
  /** When the message was made, in milliseconds of Unix time. */
  timestampMs?(message: object): number | undefined;
  /** The message's position in its partition, in decimal. */
  offset?(message: object): string | undefined;
  /**
   * An object of the client's that every message of one fetch from one partition holds, a copy of
   * a message too. What came where is then remembered once a fetch.
   */
  sharedObject?(message: object): object | undefined;
  /** Puts what differs from message to message on a span that records. */
  describe?(message: object, span: Span, withKey: boolean): void;
  /** A message to publish with the key and body of a consumed one and these headers. */
  republish?(message: object, headers: object): object;
}

/** The headers of any object that has some, in the places where brokers put them. */
export const anyMessage: MessageFormat = {
  system: undefined,
  headers(message) {
    const { headers, properties } = message as { headers?: unknown; properties?: unknown };
    if (headers !== undefined && headers !== null) return headers;
    return (properties as { headers?: unknown } | null | undefined)?.headers;
  },
};
