import type { Span } from "@opentelemetry/api";
import type { Outgoing } from "../../send.ts";
import { AWS_REQUEST_ID, MESSAGE_ID } from "../../semconv.ts";
import {
  areAttributes,
  type AttributeHeaders,
  type Attributes,
  headersOf,
  splitAttributes,
} from "./attributes.ts";
import { withField } from "./changed.ts";
import type { Room, SizedMessage } from "./room.ts";
import { knownAs } from "./spread.ts";

/** One message of a send: a command's input, or an entry of a batch; each of its fields read once. */
export class SentMessage implements Outgoing, SizedMessage {
  readonly message: object;
  readonly headers: AttributeHeaders | undefined;
  readonly body: unknown;
  readonly attributes: Attributes | null | undefined;
  private readonly original: object;
  private span: Span | undefined;

  constructor(original: object, body: unknown, attributes: Attributes | null | undefined) {
    this.original = original;
    this.body = body;
    this.attributes = attributes;
    this.headers = headersOf(attributes);
    this.message = knownAs(original);
  }

  /** Called where the span records: it is kept for what the broker answers. */
  describe(span: Span): void {
    this.span = span;
  }

  /** Puts on the message's span what the broker answered, where the span is not over by then. */
  annotate(messageId: unknown, requestId: unknown): void {
    if (typeof messageId === "string") this.span?.setAttribute(MESSAGE_ID, messageId);
    if (typeof requestId === "string") this.span?.setAttribute(AWS_REQUEST_ID, requestId);
  }

  /** What to give to the SDK in its place. */
  with(changed: object | undefined, room: Room): object {
    if (changed === undefined) return this.original;
    const split = splitAttributes(changed as AttributeHeaders, this.headers, this.attributes);
    return withField(this.original, "MessageAttributes", room.fill(split));
  }
}

/** Reads a message of the application's; undefined for one that the SDK is going to refuse. */
export function sentAs(message: unknown, bodyField: string): SentMessage | undefined {
  if (message === null || typeof message !== "object") return undefined;
  const { [bodyField]: body, MessageAttributes } = message as Record<string, unknown>;
  return areAttributes(MessageAttributes)
    ? new SentMessage(message, body, MessageAttributes)
    : undefined;
}
