// When every attempt has failed: the dead letter, and what the client gets.
import { SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { withRetries as withAnyRetries } from "throughline";
import {
  type DeadLetter,
  deadLetterOf,
  type Options,
  processMessage,
  type RetryPolicy,
  traced,
  withRetries,
} from "throughline/kafkajs";
import { tracing, type Tracing } from "./sdk.ts";
import { carried, record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const fromProducer = () => record({ traceparent: `00-${TRACE}-${SPAN}-01` });
const error = new TypeError("card declined");
const fail = (): Promise<void> => Promise.reject(error);
type Publish = NonNullable<RetryPolicy<DeadLetter>["deadLetter"]>;

/** Delivers one record to a handler that always fails. */
async function failed(publish: Publish, options: Options = {}, attempts = 2): Promise<unknown> {
  const incoming = stubConsumer();
  const policy = { attempts, deadLetter: publish };
  await traced(incoming.client, { groupId: "payments", ...options }).run({
    eachMessage: withRetries(fail, policy),
  });
  return incoming.deliver(fromProducer());
}

test("the dead letter is of the last attempt, and the message then counts as handled", async () => {
  const given: unknown[][] = [];
  const value = await failed((...args) => void given.push(args), {}, 3);
  assert.equal(value, undefined);
  assert.equal(given.length, 1);
  const [letter, reason, message] = given[0] as [DeadLetter, unknown, object];
  assert.equal(reason, error);
  assert.equal("offset" in message, true);
  const spans = observed.spans();
  assert.equal(spans.length, 3);
  assert.ok(spans.every(({ status }) => status.code === SpanStatusCode.ERROR));
  const last = spans[2]?.spanContext();
  const { failed: attempt, attempts, destination, group, errorType } = deadLetterOf(letter) ?? {};
  assert.deepEqual(
    { attempt, attempts, destination, group, errorType },
    {
      attempt: `00-${TRACE}-${last?.spanId}-01`,
      attempts: 3,
      destination: "orders",
      group: "payments",
      errorType: "TypeError",
    },
  );
  assert.equal(carried(letter).spanId, last?.spanId);
});

test("it is sent under that attempt by a traced producer, and nothing else is active", async () => {
  const outgoing = stubProducer();
  const producer = traced(outgoing.client);
  let active: unknown = "unasked";
  await failed((letter) => {
    active = trace.getActiveSpan();
    return producer.send({ topic: "orders.dlq", messages: [letter] });
  });
  const [, attempt, send] = observed.spans();
  assert.equal(active, undefined);
  assert.equal(send?.name, "send orders.dlq");
  assert.equal(send.parentSpanContext?.spanId, attempt?.spanContext().spanId);
  assert.deepEqual(send.links, []);
});

test("in a batch too, each record's letter is in its own trace", async () => {
  const incoming = stubConsumer();
  const outgoing = stubProducer();
  const producer = traced(outgoing.client);
  const resilient = withRetries(fail, {
    attempts: 2,
    deadLetter: (letter) => producer.send({ topic: "orders.dlq", messages: [letter] }),
  });
  await traced(incoming.client).run({
    eachBatch: async ({ batch }) => {
      await Promise.all(batch.messages.map((message) => processMessage(message, resilient)));
    },
  });
  const traces = [TRACE, "0af7651916cd43dd8448eb211c80319c"];
  await incoming.deliverBatch(traces.map((id) => record({ traceparent: `00-${id}-${SPAN}-01` })));
  assert.deepEqual(
    outgoing.messages().map((letter) => carried(letter).traceId),
    traces,
  );
});

test("dlq.attempts is what was tried, with spans off as well, and where retryOn gave up early", async () => {
  const letters: DeadLetter[] = [];
  const keep: Publish = (letter) => void letters.push(letter);
  await failed(keep, { spans: "off" }, 4);
  await withRetries(fail, { attempts: 4, retryOn: () => false, deadLetter: keep })(record());
  assert.deepEqual(
    letters.map(({ headers }) => headers["dlq.attempts"]),
    ["4", "1"],
  );
});

test("dlq.attempts does not count the attempts of an earlier delivery", async () => {
  const letters: DeadLetter[] = [];
  const deadLetter = (letter: DeadLetter): void => void letters.push(letter);
  const resilient = withRetries(fail, { attempts: 2, deadLetter });
  const message = record();
  await resilient(message);
  await resilient(message);
  assert.deepEqual(
    letters.map(({ headers }) => headers["dlq.attempts"]),
    ["2", "2"],
  );
});

test("a publish that fails is thrown on as the same object, synchronously thrown or rejected", async () => {
  const refused = new Error("broker gone");
  for (const publish of [
    () => Promise.reject(refused),
    () => {
      throw refused;
    },
  ]) {
    await assert.rejects(failed(publish), (thrown) => thrown === refused);
  }
});

test("the client waits for the publish", async () => {
  let published: () => void = () => {};
  let begun: () => void = () => {};
  const publishing = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let settled = false;
  const delivered = failed(() => {
    begun();
    return new Promise<void>((resolve) => {
      published = resolve;
    });
  }).then(() => {
    settled = true;
  });
  await publishing;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(settled, false);
  published();
  await delivered;
  assert.equal(settled, true);
});

test("inside the application's own handler it continues the last attempt all the same", async () => {
  const incoming = stubConsumer();
  let letter: DeadLetter | undefined;
  const resilient = withRetries(fail, { attempts: 2, deadLetter: (each) => void (letter = each) });
  await traced(incoming.client).run({ eachMessage: async (payload) => resilient(payload) });
  await incoming.deliver(fromProducer());
  const [, last, own] = observed.spans();
  assert.equal(carried(letter as DeadLetter).spanId, last?.spanContext().spanId);
  assert.equal(own?.status.code, SpanStatusCode.ERROR);
});

test("for any broker the letter is a copy of the message with those headers", async () => {
  const letters: unknown[] = [];
  const message = { body: "b", headers: [["tenant", "a"]] };
  const deadLetter = (letter: object): void => void letters.push(letter);
  await withAnyRetries(fail, { attempts: 1, deadLetter })(message);
  const [letter] = letters as { body: string; headers: [string, string][] }[];
  assert.equal(letter?.body, "b");
  assert.deepEqual(letter.headers[0], ["tenant", "a"]);
  assert.ok(letter.headers.some(([name, value]) => name === "dlq.attempts" && value === "1"));
});
