// Headers that are given beside a message, for a broker that keeps them elsewhere, are its own from
// then on: for further attempts, and for what becomes of it.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { contextOf, deadLetter, processBatch, processMessage, withRetries } from "throughline";
import { processMessage as processRecord } from "throughline/kafkajs";
import { trace } from "@opentelemetry/api";
import { tracing, type Tracing } from "./sdk.ts";
import { carried, header } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, tenant: "a" };
const delivery = { system: "nats", destination: "orders", headers };
const parents = (): unknown[] => observed.spans().map((span) => span.parentSpanContext?.spanId);

test("every attempt is under the context that they carry, wherever it is retried", async () => {
  for (const nested of [false, true]) {
    observed.reset();
    const message = { body: "1" };
    let attempts = 0;
    const resilient = withRetries(
      async (_message: object) => {
        attempts += 1;
        if (attempts < 3) throw new Error("again");
      },
      { attempts: 3 },
    );
    const handler = nested ? async () => resilient(message) : resilient;
    await processMessage(message, handler, delivery);
    assert.equal(attempts, 3);
    assert.deepEqual(
      parents(),
      Array.from({ length: nested ? 4 : 3 }, () => SPAN),
    );
  }
});

test("a dead letter has them, with the context in their place", () => {
  const message = { body: "1" };
  const letter = processMessage(message, () => deadLetter(message, new Error("failed")), delivery);
  const sent = letter as { headers: object };
  assert.equal(header(sent, "tenant"), "a");
  assert.equal(carried(sent).spanId, observed.spans()[0]?.spanContext().spanId);
  assert.deepEqual(headers, { traceparent: headers.traceparent, tenant: "a" });
});

test("a dead letter made later, outside, is in their trace", async () => {
  const message = { body: "1" };
  await assert.rejects(
    processMessage(message, () => Promise.reject(new Error("failed")), delivery),
  );
  const later = deadLetter(message, new Error("failed")) as { headers: object };
  assert.equal(carried(later).traceId, TRACE);
  assert.equal(header(later, "dlq.origin.destination"), "orders");
});

test("a dead letter of one message of a batch has what was told of it there, and so has what is made of it later", () => {
  const batch = frames();
  const told = { system: "nats", destination: "orders" };
  const [first, second] = batch as [Frame, Frame];
  const whole = { ...told, headers: { "x-batch": "1" } };
  processBatch(
    batch,
    () => {
      const own = { ...first.meta, tenant: "a" };
      const letter = processMessage(first, () => deadLetter(first, new Error("failed")), {
        ...told,
        headers: own,
      }) as { headers: object };
      const [span] = observed.spans();
      assert.equal(header(letter, "tenant"), "a");
      assert.deepEqual(carried(letter).spanId, span?.spanContext().spanId);
      assert.equal(carried(letter).traceId, TRACE);
      assert.equal(header(letter, "dlq.origin.destination"), "orders");
      assert.deepEqual(own, { ...first.meta, tenant: "a" });
      processMessage(first, () => {});
      assert.equal(observed.spans()[1]?.spanContext().traceId, TRACE);
      const other = deadLetter(second, new Error("failed")) as { headers: object };
      assert.equal(header(other, "tenant"), undefined);
    },
    whole,
  );
  const later = deadLetter(first, new Error("failed")) as { headers: object };
  assert.equal(header(later, "tenant"), "a");
  assert.equal(carried(later).traceId, TRACE);
});

test("a dead letter of a message that was delivered has what was told of it since, the latest", () => {
  const message = { headers: { tenant: "none" } };
  processMessage(message, () => {}, { system: "nats", destination: "orders" });
  for (const tenant of ["a", "b"]) {
    processMessage(message, () => {}, { ...delivery, headers: { ...headers, tenant } });
  }
  const letter = deadLetter(message, new Error("failed")) as { headers: object };
  assert.equal(header(letter, "tenant"), "b");
  assert.equal(carried(letter).traceId, TRACE);
});

test("a later processMessage and contextOf know them", () => {
  const message = { body: "1" };
  processMessage(message, () => {}, delivery);
  processMessage(message, () => {});
  assert.deepEqual(parents(), [SPAN, SPAN]);
  assert.equal(trace.getSpanContext(contextOf(message))?.spanId, SPAN);
});

test("they are read in place of those on a message that was delivered", () => {
  const message = { headers: { traceparent: `00-${TRACE}-b7ad6b7169203331-01` } };
  processMessage(message, () => {}, { system: "nats", destination: "orders" });
  processMessage(message, () => {}, delivery);
  assert.deepEqual(parents(), ["b7ad6b7169203331", SPAN]);
});

test("they are one message's: others of the same fetch, or batch, have their own", () => {
  const batchContext = {};
  const kafka = { ...delivery, system: "kafka" };
  processRecord({ batchContext }, () => {}, kafka);
  processRecord({ batchContext }, () => {}, { system: "kafka", destination: "orders" });
  assert.deepEqual(parents(), [SPAN, undefined]);
  observed.reset();
  processBatch([{ headers: {} }, { headers: {} }], () => {}, delivery);
  assert.deepEqual(observed.spans()[0]?.links, []);
});

const OTHER = "a3ce929d0e0e47364bf92f3577b34da6";
interface Frame {
  readonly meta: { readonly traceparent: string };
}
const frames = (): Frame[] => [
  { meta: { traceparent: headers.traceparent } },
  { meta: { traceparent: `00-${OTHER}-${SPAN}-01` } },
];

test("a function tells those of each message of a batch", () => {
  const batch = frames();
  const told = { system: "nats", destination: "orders", headers: ({ meta }: Frame) => meta };
  processBatch(batch, () => batch.forEach((frame) => processMessage(frame, () => {})), told);
  const [first, second, whole] = observed.spans();
  assert.deepEqual(
    whole?.links.map(({ context }) => context.traceId),
    [TRACE, OTHER],
  );
  assert.deepEqual(
    [first, second].map((span) => span?.spanContext().traceId),
    [TRACE, OTHER],
  );
});

test("inside a batch that knew nothing of them, each message is in the trace that is told", () => {
  const batch = frames();
  const told = { system: "nats", destination: "orders" };
  processBatch(
    batch,
    () => {
      for (const frame of batch) processMessage(frame, () => {}, { ...told, headers: frame.meta });
    },
    told,
  );
  const [first, second] = observed.spans();
  assert.deepEqual(
    [first, second].map((span) => span?.spanContext().traceId),
    [TRACE, OTHER],
  );
});
