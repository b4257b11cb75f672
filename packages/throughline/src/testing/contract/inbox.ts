import { AssertionError } from "node:assert";
import type { Connection, ContractClient, ReadParts } from "./client.ts";
import { within } from "./within.ts";

/** A message as a claim's handler is given it. */
export interface Received {
  /** The consumed message itself. */
  readonly message: object;
  /** Its body, without what tells it from other claims' messages. */
  readonly text: string | null;
  readonly headers: ReadParts["headers"];
  /** What the client handed over. */
  readonly payload: unknown;
}

type Each = (received: Received) => unknown;
type Batch = (received: readonly Received[], payload: unknown) => unknown;

/** Tells the claims' messages apart where there is no body to do it. */
export const CLAIM_HEADER = "contract-claim";

/** Who waits for messages now. Only one claim runs at a time; what is left of others is passed over. */
interface Waiting {
  readonly claim: string;
  readonly each?: Each;
  readonly batch?: Batch;
  settled(messages: number): void;
  /** A claim that fails inside its handler must not be lost to the client, which tries again. */
  failed(error: AssertionError): void;
}

/**
 * A destination that is consumed from the first claim that needs it to the end of the suite, by
 * whoever waits for messages at the time: joining a group takes seconds with some brokers.
 */
export class Inbox {
  readonly destination: string;
  /** Where it is consumed, and where claims send to it from unless they say otherwise. */
  readonly connection: Connection;
  private readonly client: ContractClient;
  private waiting: Waiting | undefined;

  constructor(destination: string, connection: Connection, client: ContractClient) {
    this.destination = destination;
    this.connection = connection;
    this.client = client;
  }

  /** The handler that the client calls for a message. What the claim's handler gives is given on. */
  each(message: object, payload: unknown): unknown {
    const [received] = this.ours([message], payload);
    const { waiting } = this;
    if (received === undefined || waiting?.each === undefined) return undefined;
    const { each } = waiting;
    return settling(() => each(received), waiting, 1);
  }

  batch(messages: readonly object[], payload: unknown): unknown {
    const received = this.ours(messages, payload);
    const { waiting } = this;
    if (received.length === 0 || waiting?.batch === undefined) return undefined;
    const { batch } = waiting;
    return settling(() => batch(received, payload), waiting, received.length);
  }

  /**
   * Resolves when as many messages of a claim have been handled; those that come again count again.
   *
   * @throws Error when they have not by then.
   */
  async wait(
    claim: string,
    count: number,
    handlers: { each?: Each; batch?: Batch },
    timeoutMs: number,
  ): Promise<void> {
    let handled = 0;
    let waiting: Waiting | undefined;
    const all = new Promise<void>((resolve, reject) => {
      const settled = (messages: number): void => {
        handled += messages;
        if (handled >= count) resolve();
      };
      this.waiting = waiting = { claim, ...handlers, settled, failed: reject };
    });
    try {
      await within(timeoutMs, all, () => `${handled} of ${count} messages were handled`);
    } finally {
      if (this.waiting === waiting) this.waiting = undefined;
    }
  }

  private ours(messages: readonly object[], payload: unknown): Received[] {
    return messages.flatMap((message) => {
      const { body, headers } = this.client.read(message);
      const [claim, ...rest] = body === null ? [nameIn(headers)] : body.split(":");
      if (claim !== this.waiting?.claim) return [];
      return [{ message, text: body === null ? null : rest.join(":"), headers, payload }];
    });
  }
}

function nameIn(headers: ReadParts["headers"]): string | null | undefined {
  return headers.find(([name]) => name === CLAIM_HEADER)?.[1];
}

/** Calls a handler and gives on what it gives, the very object; tells when it has settled. */
function settling(call: () => unknown, waiting: Waiting, messages: number): unknown {
  const failed = (error: unknown): void => {
    if (error instanceof AssertionError) waiting.failed(error);
    else waiting.settled(messages);
  };
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    failed(error);
    throw error;
  }
  if (result instanceof Promise) result.then(() => waiting.settled(messages), failed);
  else waiting.settled(messages);
  return result;
}
