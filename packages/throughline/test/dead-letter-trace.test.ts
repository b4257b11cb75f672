// A dead letter stays in its record's own trace, whatever is ambient.
import { context, propagation, SpanStatusCode, trace, type Tracer } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { EachMessagePayload } from "kafkajs";
import {
  deadLetter,
  type DeadLetter,
  type Options,
  processMessage,
  type Result,
  traced,
} from "throughline/kafkajs";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";
import { carried, record, stubConsumer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const CREATED = { traceId: TRACE, spanId: SPAN, flags: "01" };
const fromProducer = () => record({ traceparent: `00-${TRACE}-${SPAN}-01` });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const tracer = (): Tracer => trace.getTracer("application");
const ids = (span: FinishedSpan | undefined): object => ({
  traceId: span?.spanContext().traceId,
  spanId: span?.spanContext().spanId,
  flags: "01",
});
const named = (name: string): FinishedSpan | undefined =>
  observed.spans().find((span) => span.name === name);

async function consume(
  handler: (payload: EachMessagePayload) => Promise<void>,
  options: Options = {},
): Promise<ReturnType<typeof stubConsumer>> {
  const incoming = stubConsumer();
  await traced(incoming.client, options).run({ eachMessage: handler });
  return incoming;
}

test("its parent is the failed attempt's process span, whatever span is active", async () => {
  let letter: DeadLetter | undefined;
  const incoming = await consume(({ message }) =>
    tracer().startActiveSpan("audit", { root: true }, async (audit) => {
      letter = deadLetter(message, new Error("x"));
      audit.end();
    }),
  );
  await incoming.deliver(fromProducer());
  assert.deepEqual(carried(letter as DeadLetter), ids(named("process orders")));
  assert.equal(letter?.headers["dlq.failed"], letter?.headers["traceparent"]);
});

test("made outside its scope after a failure, its parent is still the attempt that failed", async () => {
  const error = new Error("x");
  const incoming = await consume(() => Promise.reject(error));
  const message = fromProducer();
  await assert.rejects(incoming.deliver(message) as Promise<void>, error);
  const first = observed.spans()[0];
  await assert.rejects(incoming.deliver(message) as Promise<void>, error);
  const last = observed.spans()[1];
  assert.notEqual(first?.spanContext().spanId, last?.spanContext().spanId);
  const letter = tracer().startActiveSpan("poll", () => deadLetter(message, error));
  assert.deepEqual(carried(letter), ids(last));
  assert.equal(last?.parentSpanContext?.spanId, SPAN);
});

test("made inside another message's handler, it stays in its own trace and leaves that one's span alone", async () => {
  const other = fromProducer();
  let letter: DeadLetter | undefined;
  const incoming = await consume(async () => {
    letter = deadLetter(other, new Error("x"));
  });
  await incoming.deliver(record());
  assert.deepEqual(carried(letter as DeadLetter), CREATED);
  assert.equal(letter?.headers["dlq.failed"], undefined);
  assert.equal(observed.spans()[0]?.status.code, SpanStatusCode.UNSET);
});

test("in a batch whose messages have no span of their own, its parent is the creation context", async () => {
  const incoming = stubConsumer();
  const letters: DeadLetter[] = [];
  await traced(incoming.client).run({
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) letters.push(deadLetter(message, new Error("x")));
    },
  });
  await incoming.deliverBatch([fromProducer(), record()]);
  assert.deepEqual(carried(letters[0] as DeadLetter), CREATED);
  assert.equal(letters[1]?.headers["traceparent"], undefined);
  assert.equal(observed.spans()[0]?.status.code, SpanStatusCode.UNSET);
});

test("in a batch, one processed by itself continues its own span", async () => {
  const incoming = stubConsumer();
  let letter: DeadLetter | undefined;
  await traced(incoming.client).run({
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) {
        await processMessage(message, async () => {
          await turn();
          letter = deadLetter(message, new Error("x"));
        });
      }
    },
  });
  await incoming.deliverBatch([fromProducer()]);
  const [single, batch] = observed.spans();
  assert.deepEqual(carried(letter as DeadLetter), ids(single));
  assert.equal(single?.status.code, SpanStatusCode.ERROR);
  assert.equal(batch?.status.code, SpanStatusCode.UNSET);
});

test("without spans its parent is the creation context, and no failed attempt is named", async () => {
  const letters: DeadLetter[] = [];
  const incoming = await consume(
    async ({ message }) => void letters.push(deadLetter(message, new Error("x"))),
    { spans: "off" },
  );
  await incoming.deliver(fromProducer());
  await incoming.deliver(record());
  assert.deepEqual(carried(letters[0] as DeadLetter), CREATED);
  assert.equal(letters[0]?.headers["dlq.failed"], undefined);
  assert.equal(letters[1]?.headers["traceparent"], undefined);
});

test("without a creation context it is in the trace that the attempt started", async () => {
  let letter: DeadLetter | undefined;
  const incoming = await consume(async ({ message }) => {
    letter = deadLetter(message, new Error("x"));
  });
  await incoming.deliver(record());
  assert.deepEqual(carried(letter as DeadLetter), ids(observed.spans()[0]));
});

test("an attempt that is not sampled is named, and stays so", async () => {
  await observed.shutdown();
  observed = tracing({ sampler: "parentbased_always_on" });
  let letter: DeadLetter | undefined;
  const incoming = await consume(async ({ message }) => {
    letter = deadLetter(message, new Error("x"));
  });
  await incoming.deliver(record({ traceparent: `00-${TRACE}-${SPAN}-00` }));
  const { traceId, spanId, flags } = carried(letter as DeadLetter);
  assert.deepEqual([traceId, flags], [TRACE, "00"]);
  assert.notEqual(spanId, SPAN);
  assert.equal(letter?.headers["dlq.failed"], `00-${TRACE}-${spanId}-00`);
});

test("a baggage that is active is not taken into it: the record's own is", async () => {
  const ambient = propagation.createBaggage({ ambient: { value: "1" } });
  let letter: DeadLetter | undefined;
  const incoming = await consume(({ message }) =>
    context.with(propagation.setBaggage(context.active(), ambient), async () => {
      letter = deadLetter(message, new Error("x"));
    }),
  );
  await incoming.deliver(record({ traceparent: `00-${TRACE}-${SPAN}-01`, baggage: "user=7" }));
  assert.equal(letter?.headers["baggage"], "user=7");
});

test("a process span whose message was parked is an error though its handler resolves", async () => {
  const error = Object.assign(new Error("card declined"), { code: "E_CARD" });
  const ends: Result[] = [];
  const incoming = await consume(
    async ({ message }) => {
      deadLetter(message, error);
      await turn();
    },
    { onEnd: (_span, result) => void ends.push(result) },
  );
  await incoming.deliver(fromProducer());
  const [span] = observed.spans();
  assert.deepEqual(span?.status, { code: SpanStatusCode.ERROR, message: "card declined" });
  assert.equal(span.attributes["error.type"], "E_CARD");
  assert.equal(span.events[0]?.name, "exception");
  assert.equal(ends[0]?.error, error);
});
