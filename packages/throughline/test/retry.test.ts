// A handler that tries again: each attempt in a span of its own, beside the one before.
import { SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { EachMessagePayload } from "kafkajs";
import { processMessage as processAny, withRetries as withAnyRetries } from "throughline";
import { processMessage, traced, withRetries } from "throughline/kafkajs";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";
import { record, stubConsumer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const headers = { traceparent: `00-${TRACE}-${SPAN}-01` };
const fromProducer = () => record(headers);
const errors = [new Error("first"), new RangeError("second"), new TypeError("third")];

/** Fails as often as there are errors, then gives "done". */
function failing(times: number): {
  handler: () => Promise<string>;
  active: (string | undefined)[];
} {
  const active: (string | undefined)[] = [];
  return {
    active,
    handler: async () => {
      active.push(trace.getActiveSpan()?.spanContext().spanId);
      if (active.length <= times) throw errors[active.length - 1] as Error;
      return "done";
    },
  };
}

const attempts = (): FinishedSpan[] =>
  observed.spans().filter(({ name }) => name === "process orders");
const spanIds = (spans: FinishedSpan[]): string[] => spans.map((span) => span.spanContext().spanId);
const statuses = (spans: FinishedSpan[]): SpanStatusCode[] =>
  spans.map(({ status }) => status.code);

function assertSiblings(spans: FinishedSpan[]): void {
  for (const span of spans) {
    assert.equal(span.spanContext().traceId, TRACE);
    assert.equal(span.parentSpanContext?.spanId, SPAN);
  }
}
const { ERROR, UNSET } = SpanStatusCode;

test("in eachMessage the attempts are siblings under one creation context, and nothing is around them", async () => {
  const incoming = stubConsumer();
  const { handler, active } = failing(2);
  await traced(incoming.client).run({
    eachMessage: withRetries(handler, { attempts: 3 }) as never,
  });
  assert.equal(await incoming.deliver(fromProducer()), "done");
  assert.equal(observed.spans().length, 3);
  assertSiblings(attempts());
  assert.deepEqual(spanIds(attempts()), active);
  assert.deepEqual(statuses(attempts()), [ERROR, ERROR, UNSET]);
  assert.deepEqual(
    attempts().map(({ status }) => status.message),
    ["first", "second", undefined],
  );
});

test("in eachBatch, by processMessage, they are siblings linked to the batch", async () => {
  const incoming = stubConsumer();
  const { handler } = failing(1);
  const resilient = withRetries(handler, { attempts: 2 });
  await traced(incoming.client).run({
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) await processMessage(message, resilient);
    },
  });
  await incoming.deliverBatch([fromProducer()]);
  const [first, second, batch] = attempts();
  assert.equal(attempts().length, 3);
  assertSiblings([first as FinishedSpan, second as FinishedSpan]);
  assert.equal(batch?.parentSpanContext, undefined);
  for (const attempt of [first, second]) {
    assert.deepEqual(
      attempt?.links.map((link) => link.context.spanId),
      spanIds([batch as FinishedSpan]),
    );
  }
});

test("inside the application's own handler they stand beside that one's span, not in it", async () => {
  const incoming = stubConsumer();
  const { handler } = failing(1);
  const resilient = withRetries(handler, { attempts: 2 });
  await traced(incoming.client).run({
    eachMessage: async (payload) => {
      await resilient(payload);
    },
  });
  await incoming.deliver(fromProducer());
  assert.equal(attempts().length, 3);
  assertSiblings(attempts());
  assert.deepEqual(statuses(attempts()), [ERROR, UNSET, UNSET]);
});

test("for any broker, with what processMessage is told of the message", async () => {
  const { handler } = failing(1);
  const message = { body: "b" };
  const delivery = { system: "nats", destination: "orders", group: "payments", headers };
  assert.equal(await processAny(message, withAnyRetries(handler, {}), delivery), "done");
  assert.equal(attempts().length, 2);
  assertSiblings(attempts());
  for (const { attributes } of attempts()) {
    assert.equal(attributes["messaging.system"], "nats");
    assert.equal(attributes["messaging.consumer.group.name"], "payments");
  }
  const counted = (await observed.metrics()).get("throughline.context")?.points ?? [];
  const nats = counted.filter(({ attributes }) => attributes["messaging.system"] === "nats");
  assert.deepEqual(
    nats.map(({ attributes, value }) => [attributes["outcome"], value]),
    [["extracted", 1]],
  );
});

test("a delivered message is counted once, however often it is tried", async () => {
  const incoming = stubConsumer();
  const { handler } = failing(2);
  const { meterProvider } = observed;
  await traced(incoming.client, { meterProvider }).run({
    eachMessage: withRetries(handler, { attempts: 3 }) as never,
  });
  await incoming.deliver(fromProducer());
  const metrics = await observed.metrics();
  const points = (name: string): unknown[] =>
    (metrics.get(name)?.points ?? []).map(({ value }) => value);
  assert.deepEqual(points("messaging.client.consumed.messages"), [1]);
  assert.deepEqual(points("throughline.context"), [1]);
});

test("the handler gets its receiver and its very argument each time, and its value is given back", async () => {
  const seen: unknown[] = [];
  const host = {
    resilient: withRetries(
      function (this: unknown, payload: EachMessagePayload) {
        seen.push(this, payload);
        if (seen.length === 2) throw errors[0] as Error;
        return "plain";
      },
      { attempts: 2 },
    ),
  };
  const payload = { topic: "orders", partition: 0, message: fromProducer() } as EachMessagePayload;
  assert.equal(await host.resilient(payload), "plain");
  assert.deepEqual(seen.length, 4);
  assert.ok(seen[0] === host && seen[2] === host && seen[1] === payload && seen[3] === payload);
});

test("with every attempt failed and no dead letter, the client gets the last one's own error", async () => {
  const incoming = stubConsumer();
  const { handler } = failing(9);
  await traced(incoming.client).run({ eachMessage: withRetries(handler, {}) as never });
  await assert.rejects(incoming.deliver(fromProducer()) as Promise<void>, (error) => {
    assert.equal(error, errors[2]);
    return true;
  });
  assert.deepEqual(statuses(attempts()), [ERROR, ERROR, ERROR]);
});

test("what retryOn does not want is not tried again", async () => {
  const { handler, active } = failing(9);
  const asked: unknown[] = [];
  const retryOn = (error: unknown): boolean => {
    asked.push(error);
    return !(error instanceof RangeError);
  };
  await assert.rejects(withRetries(handler, { attempts: 5, retryOn })(fromProducer()), errors[1]);
  assert.equal(active.length, 2);
  assert.deepEqual(asked, errors.slice(0, 2));
});

test("a number of attempts or a delay that is none is refused when the handler is made", () => {
  for (const count of [0, -1, 1.5, Number.NaN, Infinity]) {
    assert.throws(() => withRetries(() => {}, { attempts: count }), {
      name: "RangeError",
      message: `withRetries: attempts must be a whole number from 1, got ${count}`,
    });
  }
  for (const delay of [-1, Number.NaN, Infinity, 2 ** 31]) {
    assert.throws(() => withAnyRetries(() => {}, { delay }), {
      name: "RangeError",
      message: `withRetries: delay must be from 0 to 2147483647 milliseconds or a function, got ${delay}`,
    });
  }
});

test("a policy may be left out, and one that can't work is refused when the handler is made", async () => {
  const { handler, active } = failing(2);
  assert.equal(await withRetries(handler)(fromProducer()), "done");
  assert.equal(active.length, 3);
  for (const [policy, told] of [
    [{ attempt: 2 }, "the policy has no attempt; there are attempts, delay, retryOn, deadLetter"],
    [
      { deadLetter: "orders.dlq" },
      'deadLetter takes a function that publishes the letter, got "orders.dlq"',
    ],
    [{ retryOn: true }, "retryOn takes a function, got true"],
  ] as const) {
    assert.throws(() => withRetries(handler, policy as never), {
      name: "TypeError",
      message: `withRetries: ${told}`,
    });
  }
  assert.throws(() => withRetries(handler, { attempts: "3" as never }), {
    name: "RangeError",
    message: 'withRetries: attempts must be a whole number from 1, got "3"',
  });
});

test("in an ignored destination it is tried again all the same, with no span and not counted", async () => {
  const incoming = stubConsumer();
  const { handler, active } = failing(1);
  const { meterProvider } = observed;
  await traced(incoming.client, { ignore: () => true, meterProvider }).run({
    eachMessage: withRetries(handler, {}) as never,
  });
  assert.equal(await incoming.deliver(fromProducer()), "done");
  assert.equal(active.length, 2);
  assert.deepEqual(observed.spans(), []);
  const metrics = await observed.metrics();
  assert.deepEqual(metrics.get("throughline.context")?.points ?? [], []);
});
