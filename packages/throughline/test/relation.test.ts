// How a process span relates to its message's creation context is the application's choice.
import { context, propagation, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { parentWithin, type RelationFacts } from "throughline";
import { type Options, processMessage, traced } from "throughline/kafkajs";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";
import { record, stubConsumer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, baggage: "user=7" };

interface Handled {
  span: FinishedSpan;
  activeSpan: string | undefined;
  baggage: string | undefined;
}

async function handled(options: Options, timestamp = String(Date.now())): Promise<Handled> {
  const incoming = stubConsumer();
  let activeSpan: string | undefined;
  let baggage: string | undefined;
  observed.reset();
  await traced(incoming.client, options).run({
    eachMessage: async () => {
      activeSpan = trace.getActiveSpan()?.spanContext().spanId;
      baggage = propagation.getBaggage(context.active())?.getEntry("user")?.value;
    },
  });
  await incoming.deliver(record(headers, { timestamp }));
  return { span: observed.spans()[0] as FinishedSpan, activeSpan, baggage };
}

const said = ({ span }: Handled) => ({
  inTrace: span.spanContext().traceId === TRACE,
  parent: span.parentSpanContext?.spanId,
  links: span.links.map((link) => link.context.spanId),
});
const PARENT = { inTrace: true, parent: SPAN, links: [] };
const LINK = { inTrace: false, parent: undefined, links: [SPAN] };
const BOTH = { inTrace: true, parent: SPAN, links: [SPAN] };

for (const [relation, expected] of [
  [undefined, PARENT],
  ["parent", PARENT],
  ["link", LINK],
  ["both", BOTH],
] as const) {
  test(`relation ${relation ?? "left out"}: the span is active and the baggage is there, however it relates`, async () => {
    const result = await handled(relation === undefined ? {} : { relation });
    assert.deepEqual(said(result), expected);
    assert.equal(result.activeSpan, result.span.spanContext().spanId);
    assert.equal(result.baggage, "7");
  });
}

test("a function chooses message by message, and is told the message's age", async () => {
  const asked: [object, RelationFacts][] = [];
  const relation = (message: object, facts: RelationFacts) => {
    asked.push([message, facts]);
    return (facts.ageMs ?? 0) > 30_000 ? "link" : "both";
  };
  assert.deepEqual(said(await handled({ relation })), BOTH);
  assert.deepEqual(said(await handled({ relation }, String(Date.now() - 60_000))), LINK);
  const [, second] = asked.map(([, { ageMs }]) => ageMs ?? -1) as [number, number];
  assert.ok(second >= 60_000 && second < 90_000, `${second} ms`);
  assert.equal(asked.length, 2);
});

test("a message without a timestamp has no age", async () => {
  let facts: RelationFacts | undefined;
  await handled({ relation: (_message, told) => ((facts = told), "parent") }, "0");
  assert.deepEqual(facts, { ageMs: undefined });
});

test("parentWithin continues what is young, and links to what is older", async () => {
  const relation = parentWithin(60_000);
  assert.deepEqual(said(await handled({ relation }, String(Date.now() - 1000))), PARENT);
  assert.deepEqual(said(await handled({ relation }, String(Date.now() - 61_000))), LINK);
  assert.deepEqual(said(await handled({ relation }, "0")), PARENT);
});

test("parentWithin refuses what is no length of time", () => {
  for (const ms of [0, -1, Number.NaN]) assert.throws(() => parentWithin(ms), RangeError);
});

test("it holds for messages of a batch too", async () => {
  const incoming = stubConsumer();
  await traced(incoming.client, { relation: "link" }).run({
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) processMessage(message, () => {});
    },
  });
  await incoming.deliverBatch([record(headers)]);
  const [single, batch] = observed.spans();
  assert.equal(single?.parentSpanContext, undefined);
  assert.deepEqual(
    single?.links.map((link) => link.context.spanId),
    [SPAN, batch?.spanContext().spanId],
  );
});

test("without spans the creation context is what is active, however a span would relate", async () => {
  const incoming = stubConsumer();
  let active: string | undefined;
  await traced(incoming.client, { spans: "off", relation: "link" }).run({
    eachMessage: async () => {
      active = trace.getActiveSpan()?.spanContext().spanId;
    },
  });
  await incoming.deliver(record(headers));
  assert.equal(active, SPAN);
});
