import { countFault, warnOnce } from "../../guard.ts";
import { DLQ_ATTRIBUTE } from "./dlq.ts";
import { type SplitAttributes, textAttribute } from "./attributes.ts";

/** SQS takes no more with a message, and SNS hands no more on to a queue. */
const MAX_ATTRIBUTES = 10;
const NAME_AND_TYPE_BYTES = "String".length;

/** What goes first where there is no room for all: the trace itself goes last. */
const FIRST_TO_GO = ["baggage", "tracestate", DLQ_ATTRIBUTE];

/** The bytes that are left for what we add to the messages of one call. */
export class Room {
  private bytes: number;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /**
   * The attributes to send: the application's, and of ours as many as fit beside them. A send is
   * never made to fail for ours.
   */
  fill({ own, added }: SplitAttributes): Record<string, unknown> {
    const left = [...added];
    while (left.length > 0 && !this.holds(own.length, left)) leaveOut(left);
    for (const entry of left) this.bytes -= bytesOf(entry);
    return Object.fromEntries([...own, ...left.map(([name, text]) => [name, textAttribute(text)])]);
  }

  private holds(own: number, added: SplitAttributes["added"]): boolean {
    if (own + added.length > MAX_ATTRIBUTES) return false;
    return added.reduce((sum, entry) => sum + bytesOf(entry), 0) <= this.bytes;
  }
}

function leaveOut(left: SplitAttributes["added"]): void {
  const first = FIRST_TO_GO.map((name) => left.findIndex(([each]) => each === name)).find(
    (at) => at >= 0,
  );
  const [gone] = left.splice(first ?? left.length - 1, 1);
  countFault("inject");
  warnOnce(
    "aws room",
    `a message has no room for ${gone?.[0]}: SQS takes ${MAX_ATTRIBUTES} attributes with a message and counts them to its size. It was sent without; how often is counted in throughline.faults.`,
  );
}

function bytesOf([name, text]: readonly [string, string]): number {
  return Buffer.byteLength(name) + NAME_AND_TYPE_BYTES + Buffer.byteLength(text);
}

/** The largest size that a text can have, without looking at it. */
const MAX_BYTES_A_CHARACTER = 3;
/** Ours are hardly ever more than this; baggage may be 8 KiB. */
const ENOUGH = 16_384;

/**
 * The room that one call leaves in the broker's limit on its size, in bytes. Messages are measured
 * only where the limit may be near.
 */
export function roomBeside(messages: readonly SizedMessage[], limitBytes: number): Room {
  const most = messages.reduce((sum, each) => sum + mostBytes(each), 0);
  if (most + ENOUGH * messages.length <= limitBytes) return new Room(limitBytes);
  return new Room(limitBytes - messages.reduce((sum, each) => sum + allBytes(each), 0));
}

/** What a message's size is made of. */
export interface SizedMessage {
  readonly body: unknown;
  readonly attributes: Readonly<Record<string, unknown>> | null | undefined;
}

function mostBytes({ body, attributes }: SizedMessage): number {
  let characters = typeof body === "string" ? body.length : 0;
  eachPart(attributes, (part) => (characters += part.length));
  return characters * MAX_BYTES_A_CHARACTER;
}

function allBytes({ body, attributes }: SizedMessage): number {
  let bytes = typeof body === "string" ? Buffer.byteLength(body) : 0;
  eachPart(attributes, (part) => {
    bytes += typeof part === "string" ? Buffer.byteLength(part) : part.length;
  });
  return bytes;
}

function eachPart(
  attributes: SizedMessage["attributes"],
  visit: (part: string | Uint8Array) => void,
): void {
  for (const [name, attribute] of Object.entries(attributes ?? {})) {
    visit(name);
    if (attribute === null || typeof attribute !== "object") continue;
    const { DataType, StringValue, BinaryValue } = attribute as Record<string, unknown>;
    for (const part of [DataType, StringValue, BinaryValue]) {
      if (typeof part === "string" || part instanceof Uint8Array) visit(part);
    }
  }
}
