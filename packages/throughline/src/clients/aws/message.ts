import type { DeadLetterOrigin } from "../../dead-letter-origin.ts";
import type { MessageFormat } from "../../message.ts";
import { MESSAGE_ID } from "../../semconv.ts";
import { W3C_FIELDS } from "../../w3c/fields.ts";
import {
  areAttributes,
  type AttributeHeaders,
  type Attributes,
  headersOf,
  splitAttributes,
} from "./attributes.ts";
import { wrappedHeaders } from "./envelope.ts";
import { Room } from "./room.ts";

export const SQS_SYSTEM = "aws_sqs";
/** SQS's limit on a message's size, in bytes; on all messages of a batch too. */
export const SQS_MAX_BYTES = 1_048_576;

/** A message as the SDK receives it: the fields that are read of it. */
export interface ReceivedMessage {
  readonly MessageId?: unknown;
  readonly Body?: unknown;
  readonly Attributes?: unknown;
  readonly MessageAttributes?: unknown;
}

/** Bodies are parsed once a message: its headers are asked for several times. */
const wrapped = new WeakMap<object, AttributeHeaders>();

function headersInBody(message: object): AttributeHeaders | undefined {
  const known = wrapped.get(message);
  if (known !== undefined) return known;
  const headers = wrappedHeaders((message as ReceivedMessage).Body);
  if (headers !== undefined) wrapped.set(message, headers);
  return headers;
}

/**
 * A message's own attributes, and those inside its body. Where both name the same, a sender put its
 * own on a body that came from elsewhere: the outer ones count, as a set.
 */
function headers(message: object): AttributeHeaders | undefined {
  const { MessageAttributes } = message as ReceivedMessage;
  const own = areAttributes(MessageAttributes) ? headersOf(MessageAttributes) : undefined;
  const inner = headersInBody(message);
  if (inner === undefined) return own;
  if (own === undefined) return inner;
  return Object.keys(own).some((name) => Object.hasOwn(inner, name)) ? own : { ...inner, ...own };
}

function systemAttribute(message: object, name: string): string | undefined {
  const attributes = (message as ReceivedMessage).Attributes as Record<string, unknown> | undefined;
  const value = attributes?.[name];
  return typeof value === "string" ? value : undefined;
}

/** What a message looks like that the SDK has received. */
export const sqsFormat: MessageFormat = {
  system: SQS_SYSTEM,
  headers,
  timestampMs(message) {
    const ms = Number(systemAttribute(message, "SentTimestamp"));
    return ms > 0 ? ms : undefined;
  },
  // Of a FIFO queue, where it was asked for.
  offset: (message) => systemAttribute(message, "SequenceNumber"),
  describe(message, span) {
    const { MessageId } = message as ReceivedMessage;
    if (typeof MessageId === "string") span.setAttribute(MESSAGE_ID, MessageId);
  },
  republish(message, changed) {
    const { Body, MessageAttributes } = message as ReceivedMessage;
    const own = areAttributes(MessageAttributes) ? MessageAttributes : undefined;
    const outer = withoutInner(changed as AttributeHeaders, headersInBody(message));
    return letterOf(Body, outer, headersOf(own), own);
  },
};

/** What the body holds already is not put beside it: only the trace, as one set. */
function withoutInner(
  changed: AttributeHeaders,
  inner: AttributeHeaders | undefined,
): AttributeHeaders {
  if (inner === undefined) return changed;
  const stays = ([name, value]: [string, unknown]): boolean =>
    W3C_FIELDS.has(name) || !Object.hasOwn(inner, name) || inner[name] !== value;
  return Object.fromEntries(Object.entries(changed).filter(stays));
}

/** A message to send with this body and what fits of these headers. */
function letterOf(
  body: unknown,
  changed: AttributeHeaders,
  given: AttributeHeaders | undefined,
  attributes: Attributes | null | undefined,
): { MessageBody: string; MessageAttributes: Record<string, unknown> } {
  return {
    MessageBody: typeof body === "string" ? body : "",
    MessageAttributes: attributesOf(changed, given, attributes),
  };
}

/** The attributes that a message of no other size than theirs has room for. */
export function attributesOf(
  changed: object,
  given: AttributeHeaders | undefined,
  attributes: Attributes | null | undefined,
): Record<string, unknown> {
  const split = splitAttributes(changed as AttributeHeaders, given, attributes);
  return new Room(SQS_MAX_BYTES).fill(split);
}

/** What is known of a message that the queue's own redrive policy moved; undefined for any other. */
export function redrivenFrom(message: object): DeadLetterOrigin | undefined {
  const arn = systemAttribute(message, "DeadLetterQueueSourceArn");
  if (arn === undefined) return undefined;
  return { convention: "sqs", destination: arn.slice(arn.lastIndexOf(":") + 1) };
}
