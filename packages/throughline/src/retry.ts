import type { Delivery } from "./message.ts";
import { shown, unknownName } from "./mistake.ts";

/** What to do with a message whose handler fails. Every field may be left out. */
export interface RetryPolicy<Letter extends object = object, Message extends object = Letter> {
  /** How often to try at most, the first time included. Default 3. */
  readonly attempts?: number;
  /** Milliseconds to wait before the next attempt, or a function of the attempts made so far. Default 0. */
  readonly delay?: number | ((attempts: number) => number);
  /** Whether an error is worth another attempt. Default: every error is. */
  readonly retryOn?: (error: unknown) => boolean;
  /**
   * Publishes the dead letter, where to is yours to say; the message then counts as handled. What
   * it throws is thrown on to the client: nothing is settled. Default: the handler's own error is.
   */
  readonly deadLetter?: (letter: Letter, error: unknown, message: Message) => unknown;
}

/** A policy with its defaults, checked. */
interface Checked {
  readonly attempts: number;
  readonly delayMs: (attempts: number) => number;
  readonly retryOn: (error: unknown) => boolean;
  readonly deadLetter: ((letter: object, error: unknown, message: object) => unknown) | undefined;
}

/** What a client's adapter tells of one handler call; nothing of a call without a message, which is made once. */
export interface Attempted {
  readonly message: object;
  /** Keeps the client's membership alive; absent where it needs no such thing. */
  readonly heartbeat: (() => unknown) | undefined;
  /** What the client is given for a message whose dead letter is published, where that settles it. */
  readonly parked?: unknown;
}

/** What the policy needs of the core, given by each adapter. */
export interface RetrySteps {
  /** Handles one attempt in a process span of its own; `delivery` is what processMessage was told. */
  attempt(message: object, handler: () => unknown, delivery: Delivery | undefined): unknown;
  /** Makes the dead letter of a message. */
  deadLetter(message: object, error: unknown, attempts: number): object;
}

/** The longest wait without a heartbeat; kafkajs itself sends one every 3 s by default. */
const HEARTBEAT_MS = 1000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Marks a handler that opens a span for each attempt, so that no span is opened around them all. */
const OWN_SCOPES = Symbol.for("throughline.ownScopes.1");

/** Whether a handler came from withRetries, of whichever copy of this library. */
export function opensOwnScopes(handler: unknown): boolean {
  return typeof handler === "function" && OWN_SCOPES in handler;
}

type Told<Argument, Result> = (argument: Argument, delivery: Delivery | undefined) => Result;

/** Calls such a handler with what processMessage was told of the message. */
export function callTold<Argument, Result>(
  handler: (argument: Argument) => Result,
  argument: Argument,
  delivery: Delivery | undefined,
): Result {
  const told = (handler as { [OWN_SCOPES]?: Told<Argument, Result> })[OWN_SCOPES];
  return told === undefined ? handler(argument) : told(argument, delivery);
}

/**
 * A handler that tries again: each attempt in a process span of its own, all of them under the
 * message's creation context; then the dead letter, then the client's own error handling.
 */
export function retrying<Argument, Result, Rest extends unknown[]>(
  handler: (argument: Argument, ...rest: Rest) => Result,
  policy: RetryPolicy,
  describe: (argument: Argument) => Attempted | undefined,
  steps: RetrySteps,
): (argument: Argument, ...rest: Rest) => Promise<Awaited<Result> | undefined> {
  const checked = check(policy);
  async function tryAll(
    self: unknown,
    argument: Argument,
    rest: Rest,
    delivery?: Delivery,
  ): Promise<Awaited<Result> | undefined> {
    const attempted = describe(argument);
    if (attempted === undefined) return await handler.call(self, argument, ...rest);
    const { message, heartbeat } = attempted;
    const attempt = (): Result => handler.call(self, argument, ...rest);
    for (let attempts = 1; ; attempts++) {
      try {
        return await (steps.attempt(message, attempt, delivery) as Result);
      } catch (error) {
        if (attempts < checked.attempts && checked.retryOn(error)) {
          await wait(checked.delayMs(attempts), heartbeat);
          continue;
        }
        if (checked.deadLetter === undefined) throw error;
        await checked.deadLetter(steps.deadLetter(message, error, attempts), error, message);
        return attempted.parked as Awaited<Result> | undefined;
      }
    }
  }
  function retried(
    this: unknown,
    argument: Argument,
    ...rest: Rest
  ): Promise<Awaited<Result> | undefined> {
    return tryAll(this, argument, rest);
  }
  const told: Told<Argument, unknown> = (argument, delivery) =>
    tryAll(undefined, argument, [] as unknown[] as Rest, delivery);
  return Object.defineProperty(retried, OWN_SCOPES, { value: told });
}

const NAMES: Readonly<Record<keyof RetryPolicy, true>> = {
  attempts: true,
  delay: true,
  retryOn: true,
  deadLetter: true,
};

function check(policy: RetryPolicy): Checked {
  const misspelt = unknownName(policy, NAMES);
  if (misspelt !== undefined) throw new TypeError(`withRetries: the policy has no ${misspelt}`);
  const { attempts = 3, delay = 0, retryOn = () => true, deadLetter } = policy;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new RangeError(
      `withRetries: attempts must be a whole number from 1, got ${shown(attempts)}`,
    );
  }
  const isDelay = typeof delay === "number" && delay >= 0 && delay <= LONGEST_TIMER_MS;
  if (typeof delay !== "function" && !isDelay) {
    throw new RangeError(
      `withRetries: delay must be from 0 to ${LONGEST_TIMER_MS} milliseconds or a function, got ${shown(delay)}`,
    );
  }
  if (typeof retryOn !== "function") {
    throw new TypeError(`withRetries: retryOn takes a function, got ${shown(retryOn)}`);
  }
  if (deadLetter !== undefined && typeof deadLetter !== "function") {
    throw new TypeError(
      `withRetries: deadLetter takes a function that publishes the letter, got ${shown(deadLetter)}`,
    );
  }
  const delayMs = typeof delay === "function" ? delay : () => delay;
  return { attempts, delayMs, retryOn, deadLetter };
}

/** Waits in steps, with a heartbeat after each; a heartbeat that fails ends the wait with its error. */
async function wait(ms: number, heartbeat: (() => unknown) | undefined): Promise<void> {
  let left = Math.min(Math.max(0, ms || 0), LONGEST_TIMER_MS);
  while (left > 0) {
    const step = heartbeat === undefined ? left : Math.min(left, HEARTBEAT_MS);
    await new Promise((resolve) => setTimeout(resolve, step));
    left -= step;
    await heartbeat?.();
  }
}
