// Between two attempts: how long, and what keeps the client's membership alive meanwhile.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test, type TestContext } from "node:test";
import type { EachMessagePayload } from "kafkajs";
import { processMessage as processAny, withRetries as withAnyRetries } from "throughline";
import { type RetryPolicy, traced, withRetries } from "throughline/kafkajs";
import { tracing, type Tracing } from "./sdk.ts";
import { record, stubConsumer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const error = new Error("busy");

/** A delivery to a handler that always fails, on a clock that only `pass` moves. */
async function delivered(t: TestContext, policy: RetryPolicy, heartbeat?: () => Promise<void>) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const incoming = stubConsumer();
  let attempts = 0;
  let beats = 0;
  const handler = async (_payload: EachMessagePayload): Promise<void> => {
    attempts += 1;
    throw error;
  };
  await traced(incoming.client).run({ eachMessage: withRetries(handler, policy) });
  const beat = heartbeat ?? (async () => {});
  const counted = (): Promise<void> => {
    beats += 1;
    return beat();
  };
  let outcome: unknown = "pending";
  const settle = (value: unknown): void => void (outcome = value);
  Promise.resolve(incoming.deliver(record(), { heartbeat: counted })).then(settle, settle);
  await turn();
  return {
    /** What the client got; never awaited, for a wait that is too long must fail and not hang. */
    outcome: () => outcome,
    seen: () => ({ attempts, beats }),
    /** Milliseconds go by, a quarter of a second at a time. */
    async pass(ms: number): Promise<void> {
      for (let left = ms; left > 0; left -= Math.min(left, 250)) {
        t.mock.timers.tick(Math.min(left, 250));
        await turn();
      }
    },
  };
}

test("without a delay the next attempt follows at once, with no heartbeat", async (t) => {
  const { seen, outcome } = await delivered(t, { attempts: 3 });
  assert.equal(outcome(), error);
  assert.deepEqual(seen(), { attempts: 3, beats: 0 });
});

test("a delay in milliseconds is waited before each further attempt", async (t) => {
  const { seen, outcome, pass } = await delivered(t, { attempts: 3, delay: 500 });
  await pass(499);
  assert.equal(seen().attempts, 1);
  await pass(1);
  assert.equal(seen().attempts, 2);
  await pass(499);
  assert.equal(seen().attempts, 2);
  await pass(1);
  assert.equal(outcome(), error);
  assert.equal(seen().attempts, 3);
});

test("a function gives the delay, of the attempts made so far; no number of milliseconds is none", async (t) => {
  const asked: number[] = [];
  const delay = (made: number): number => {
    asked.push(made);
    return [100, 200, Number.NaN, -5][made - 1] as number;
  };
  const { seen, outcome, pass } = await delivered(t, { attempts: 5, delay });
  await pass(99);
  assert.equal(seen().attempts, 1);
  await pass(1);
  assert.equal(seen().attempts, 2);
  await pass(199);
  assert.equal(seen().attempts, 2);
  await pass(1);
  assert.equal(outcome(), error);
  assert.equal(seen().attempts, 5);
  assert.deepEqual(asked, [1, 2, 3, 4]);
});

test("while it waits it sends a heartbeat a second, and one when the wait is over", async (t) => {
  const { seen, pass } = await delivered(t, { attempts: 2, delay: 3500 });
  for (const beats of [1, 2, 3]) {
    await pass(999);
    assert.deepEqual(seen(), { attempts: 1, beats: beats - 1 });
    await pass(1);
    assert.deepEqual(seen(), { attempts: 1, beats });
  }
  await pass(500);
  assert.deepEqual(seen(), { attempts: 2, beats: 4 });
});

test("the next attempt waits for the heartbeat", async (t) => {
  let answer: () => void = () => {};
  const heartbeat = (): Promise<void> =>
    new Promise((resolve) => {
      answer = resolve;
    });
  const { seen, pass, outcome } = await delivered(t, { attempts: 2, delay: 500 }, heartbeat);
  await pass(2000);
  assert.deepEqual(seen(), { attempts: 1, beats: 1 });
  answer();
  await turn();
  assert.equal(outcome(), error);
  assert.equal(seen().attempts, 2);
});

test("a heartbeat that fails ends the wait with its own error: nothing is tried, nothing parked", async (t) => {
  const rebalance = new Error("rebalancing");
  const letters: unknown[] = [];
  const policy = {
    attempts: 5,
    delay: 5000,
    deadLetter: (letter: unknown): void => void letters.push(letter),
  };
  const { seen, pass, outcome } = await delivered(t, policy, () => Promise.reject(rebalance));
  await pass(1000);
  assert.equal(outcome(), rebalance);
  assert.deepEqual(seen(), { attempts: 1, beats: 1 });
  assert.deepEqual(letters, []);
});

test("no attempt's span is open during the wait", async (t) => {
  const { pass, outcome } = await delivered(t, { attempts: 2, delay: 500 });
  assert.equal(observed.open().length, 0);
  assert.equal(observed.spans().length, 1);
  await pass(500);
  assert.equal(outcome(), error);
  assert.equal(observed.spans().length, 2);
});

test("a broker without heartbeats waits in one piece", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let attempts = 0;
  const fail = (): never => {
    attempts += 1;
    throw error;
  };
  processAny({}, withAnyRetries(fail, { attempts: 2, delay: 60_000 })).catch(() => {});
  await turn();
  t.mock.timers.tick(59_999);
  await turn();
  assert.equal(attempts, 1);
  t.mock.timers.tick(1);
  await turn();
  assert.equal(attempts, 2);
});
