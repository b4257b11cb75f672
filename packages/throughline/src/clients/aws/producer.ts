import { fault } from "../../guard.ts";
import type { Destination } from "../../destination.ts";
import { openSend } from "../../send.ts";
import type { Sending } from "../../sending.ts";
import { AWS_REQUEST_ID } from "../../semconv.ts";
import { withField } from "./changed.ts";
import { answered, type Command, withInput } from "./command.ts";
import { roomBeside } from "./room.ts";
import { sentAs, type SentMessage } from "./sent.ts";

/** How one of the SDK's operations sends: the names of its fields. */
export interface SendOperation {
  /** The field that holds a message's body. */
  readonly body: string;
  /** The field of the input that holds the messages, where it sends several. */
  readonly entries?: string;
  /** The largest size of a call, in bytes. */
  readonly maxBytes: number;
}

/** A send under way, and the command to send in place of the application's. */
interface Prepared {
  readonly command: object;
  readonly sending: Sending;
  readonly messages: readonly SentMessage[];
}

/** Sends a command's messages with context; as it is where that can't be worked out. */
export function sendTraced(
  own: Function,
  self: object,
  args: readonly unknown[],
  operation: SendOperation,
  destination: Destination,
): unknown {
  let prepared: Prepared | undefined;
  try {
    prepared = prepare(args[0] as Command, operation, destination);
  } catch (error) {
    fault("inject", error);
  }
  // What the SDK will refuse is handed to it as it is, so that it says so in its own words.
  if (prepared === undefined) return Reflect.apply(own, self, args);
  const { command, sending, messages } = prepared;
  return answered(own, self, [command, ...args.slice(1)], (failed, answer) => {
    if (!failed) note(answer, messages, sending);
    sending.end(failed, answer);
  });
}

function prepare(
  command: Command,
  { body, entries, maxBytes }: SendOperation,
  destination: Destination,
): Prepared | undefined {
  const { input } = command;
  const given: unknown = entries === undefined ? [input] : Reflect.get(input, entries);
  if (!Array.isArray(given) || given.length === 0) return undefined;
  const messages: SentMessage[] = [];
  for (const each of given as unknown[]) {
    const message = sentAs(each, body);
    if (message === undefined) return undefined;
    messages.push(message);
  }
  const sending = openSend(destination, messages, messages.length);
  const room = roomBeside(messages, maxBytes);
  const sent = messages.map((message, at) => message.with(sending.headers[at], room));
  const changed = entries === undefined ? (sent[0] as object) : withField(input, entries, sent);
  return { command: withInput(command, changed), sending, messages };
}

interface Answer {
  readonly MessageId?: unknown;
  readonly Failed?: unknown;
  readonly $metadata?: { readonly requestId?: unknown };
}

function note(answer: unknown, messages: readonly SentMessage[], sending: Sending): void {
  const { MessageId, Failed, $metadata } = (answer ?? {}) as Answer;
  const requestId = $metadata?.requestId;
  if (messages.length === 1) messages[0]?.annotate(MessageId, requestId);
  if (typeof requestId === "string") sending.annotate({ [AWS_REQUEST_ID]: requestId });
  if (Array.isArray(Failed) && Failed.length > 0) {
    sending.refuse(Failed.length, refusalOf(Failed as FailedEntry[], messages.length));
  }
}

interface FailedEntry {
  readonly Id?: string;
  readonly Code?: string;
  readonly Message?: string;
}

function refusalOf(failed: readonly FailedEntry[], sent: number): Error {
  const each = failed.map(
    ({ Id, Code, Message }) => `${Id} (${[Code, Message].filter(Boolean).join(": ")})`,
  );
  const error = new Error(`${failed.length} of ${sent} messages were refused: ${each.join(", ")}`);
  return Object.assign(error, { name: "PartialBatchFailure", code: failed[0]?.Code });
}
