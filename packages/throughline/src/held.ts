import { fault, warnOnce } from "./guard.ts";
import { type Call, type Ending, follow } from "./run.ts";
import type { Scope } from "./scope.ts";
import { SETTLEMENT } from "./semconv.ts";

/** Why a message counts as not handled though nothing was thrown; the `error.type` of its span. */
export type Refusal =
  /** Given back to the broker, which delivers it again. */
  | "requeued"
  /** Refused for good: dropped, or dead-lettered by the broker. */
  | "rejected"
  /** What it was delivered on was closed first: it can't be settled any more, and comes again. */
  | "closed";

/** The messages of one channel that are kept open for their settlement; beyond this the oldest are given up. */
const MAX_HELD = 10_000;

/**
 * The messages of one channel that are delivered and not yet settled, each under the tag that it is
 * settled by. Tags are numbers that grow.
 *
 * A message whose handler gives a promise ends with that promise, whenever it is settled. Where the
 * handler gives none, the message ends when it is settled, or when the channel closes; never while
 * the handler runs.
 */
export class Held {
  private readonly messages = new Map<number, HeldMessage>();
  private readonly limit: number;

  constructor(limit: number = MAX_HELD) {
    this.limit = limit;
  }

  /** How many messages are held now. */
  get size(): number {
    return this.messages.size;
  }

  /** Makes the host's call in a message's scope, which ends as said above. */
  run<Argument, Result>(tag: number, scope: Scope, call: Call<Argument, Result>): Result {
    if (!scope.ends) return scope.run(call);
    const held = new HeldMessage(scope, () => {
      // A tag may be used again by then, where somebody numbers anew.
      if (this.messages.get(tag) === held) this.messages.delete(tag);
    });
    this.messages.set(tag, held);
    if (this.messages.size > this.limit) this.giveUpOldest();
    try {
      return follow(call, scope.context, held);
    } finally {
      held.returned();
    }
  }

  /** The scope of a message that is held; undefined where nobody waits for it. */
  scopeOf(tag: number): Scope | undefined {
    return this.messages.get(tag)?.scope;
  }

  /** A message was settled, and with `upTo` every one before it. A tag of 0 with `upTo` is all of them. */
  settle(tag: number, upTo: boolean, refusal?: Refusal): void {
    if (!upTo) {
      this.messages.get(tag)?.settled(refusal);
      this.messages.delete(tag);
      return;
    }
    for (const [each, held] of this.messages) {
      if (tag !== 0 && each > tag) break;
      held.settled(refusal);
      this.messages.delete(each);
    }
  }

  /** The channel is closed: what waits for its settlement ends now. */
  close(): void {
    for (const held of this.messages.values()) held.closed();
    this.messages.clear();
  }

  private giveUpOldest(): void {
    const [oldest] = this.messages;
    if (oldest === undefined) return;
    const [tag, held] = oldest;
    this.messages.delete(tag);
    held.givenUp();
    warnOnce(
      "held",
      `more than ${this.limit} messages of one channel are unsettled: the spans of the oldest are ended before their messages are settled. A prefetch limit keeps their number down; a handler that returns a promise needs none.`,
    );
  }
}

/** One message, from the call of its handler to its end. */
class HeldMessage implements Ending {
  readonly scope: Scope;
  private readonly done: () => void;
  private running = true;
  private waiting = false;
  private settledAlready = false;

  constructor(scope: Scope, done: () => void) {
    this.scope = scope;
    this.done = done;
  }

  end(failed: boolean, error: unknown): void {
    // While the handler runs, this tells of a value that is no promise: a promise ends later.
    if (this.running && !failed && !this.settledAlready) {
      this.waiting = true;
      return;
    }
    this.done();
    this.scope.end(failed, error);
  }

  returned(): void {
    this.running = false;
  }

  settled(refusal: Refusal | undefined): void {
    this.settledAlready = true;
    if (refusal !== undefined) refuse(this.scope, refusal);
    if (this.waiting) this.scope.end(false, undefined);
  }

  closed(): void {
    // A promise may still be under way: its message ends with it, for the work goes on.
    if (this.waiting) this.settled("closed");
  }

  givenUp(): void {
    if (!this.waiting) {
      this.settledAlready = true;
      return;
    }
    try {
      this.scope.span?.setAttribute(SETTLEMENT, "given up");
    } catch (error) {
      fault("attributes", error);
    }
    this.scope.end(false, undefined);
  }
}

const WORDS: Readonly<Record<Refusal, string>> = {
  requeued: "the message was given back to its queue",
  rejected: "the message was rejected",
  closed: "the channel was closed before the message was settled",
};

/** Makes a message's handling a failure, though its handler may go on to succeed. */
export function refuse(scope: Scope, refusal: Refusal): void {
  scope.parked ??= { error: new Refused(refusal) };
}

class Refused extends Error {
  constructor(refusal: Refusal) {
    super(WORDS[refusal]);
    this.name = refusal;
    // Where in here it was made says nothing.
    delete this.stack;
  }
}
