// A message with several traceparents: one rule, documented, counted and visible. Rule 5 of the design.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { type Options, traced } from "throughline/kafkajs";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";
import { record, stubConsumer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER = "0af7651916cd43dd8448eb211c80319c";
const A = "00f067aa0ba902b7";
const B = "b7ad6b7169203331";
const C = "c8be7c827a314442";
const header = (traceId: string, spanId: string): string => `00-${traceId}-${spanId}-01`;

/** What comes of a message, and what its destination counts in throughline.context. */
async function handled(
  headers: Parameters<typeof record>[0],
  options: Options = {},
): Promise<{ said: object; counted: Record<string, unknown>; span: FinishedSpan }> {
  const incoming = stubConsumer();
  const topic = `topic-${Math.random()}`;
  observed.reset();
  await traced(incoming.client, options).run({ eachMessage: async () => {} });
  await incoming.deliver(record(headers), { topic });
  const [span] = observed.spans() as [FinishedSpan];
  const { points } = (await observed.metrics()).get("throughline.context") ?? { points: [] };
  const counted = Object.fromEntries(
    points
      .filter(({ attributes }) => attributes["messaging.destination.name"] === topic)
      .map(({ attributes, value }) => [String(attributes["outcome"]), value]),
  );
  const said = {
    trace: span.spanContext().traceId,
    parent: span.parentSpanContext?.spanId,
    links: span.links.map((link) => link.context.spanId),
  };
  return { said, counted, span };
}

test("one value in a list is no duplicate", async () => {
  const { said, counted } = await handled({ traceparent: [header(TRACE, A)] });
  assert.deepEqual(said, { trace: TRACE, parent: A, links: [] });
  assert.deepEqual(counted, { extracted: 1 });
});

test("several of one trace are one chain: the last is the parent", async () => {
  const { said, counted } = await handled({
    traceparent: [header(TRACE, A), header(TRACE, B), header(TRACE, C)],
  });
  assert.deepEqual(said, { trace: TRACE, parent: C, links: [] });
  assert.deepEqual(counted, { duplicate: 1 });
});

test("the same one twice is counted all the same", async () => {
  const { said, counted } = await handled({ traceparent: [header(TRACE, A), header(TRACE, A)] });
  assert.deepEqual(said, { trace: TRACE, parent: A, links: [] });
  assert.deepEqual(counted, { duplicate: 1 });
});

test("several of different traces: a new trace, linked to each, and the span says how many", async () => {
  const { said, counted, span } = await handled({
    traceparent: [header(TRACE, A), header(OTHER, B), header(TRACE, C)],
  });
  const { trace } = said as { trace: string };
  assert.ok(![TRACE, OTHER].includes(trace));
  assert.deepEqual(said, { trace, parent: undefined, links: [A, B, C] });
  assert.deepEqual(counted, { duplicate: 1 });
  assert.equal(span.attributes["throughline.context.duplicates"], 3);
});

test("the option says which is the parent", async () => {
  const headers = { traceparent: [header(TRACE, A), header(OTHER, B)] };
  const first = await handled(headers, { duplicates: "first" });
  assert.deepEqual(first.said, { trace: TRACE, parent: A, links: [] });
  const last = await handled(headers, { duplicates: "last" });
  assert.deepEqual(last.said, { trace: OTHER, parent: B, links: [] });
  assert.deepEqual([first.counted, last.counted], [{ duplicate: 1 }, { duplicate: 1 }]);
});

test("a malformed one beside a valid one: the valid one is the parent, and it is counted", async () => {
  for (const traceparent of [
    [header(TRACE, A), "garbage"],
    ["garbage", header(TRACE, A)],
  ]) {
    const { said, counted } = await handled({ traceparent });
    assert.deepEqual(said, { trace: TRACE, parent: A, links: [] });
    assert.deepEqual(counted, { duplicate: 1 });
  }
});

test("malformed ones alone are malformed", async () => {
  const { said, counted } = await handled({ traceparent: ["garbage", "00-x"] });
  assert.deepEqual((said as { parent?: string }).parent, undefined);
  assert.deepEqual(counted, { malformed: 1 });
});

test("a header without a value, or a list of none, is missing; beside a valid one it does not count", async () => {
  for (const traceparent of [null, [], [null, null]]) {
    assert.deepEqual((await handled({ traceparent })).counted, { missing: 1 });
  }
  const { said, counted } = await handled({ traceparent: [null, header(TRACE, A)] });
  assert.deepEqual(said, { trace: TRACE, parent: A, links: [] });
  assert.deepEqual(counted, { extracted: 1 });
});

test("under several spellings it counts as repeated", async () => {
  const { said, counted } = await handled({
    traceparent: header(TRACE, A),
    TraceParent: header(TRACE, B),
  });
  assert.deepEqual(said, { trace: TRACE, parent: B, links: [] });
  assert.deepEqual(counted, { duplicate: 1 });
});

test("a repeated tracestate is one list, and goes with the parent", async () => {
  const { span } = await handled({
    traceparent: [header(TRACE, A), header(TRACE, B)],
    tracestate: ["a=1", "b=2"],
  });
  assert.equal(span.spanContext().traceState?.serialize(), "a=1,b=2");
});
