// What is read off headers and what is written into them: the vectors of conformance/.
import { createTraceState, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { contextOf, deadLetterOf, injectContext, processMessage as processAny } from "throughline";
import { traced } from "throughline/kafkajs";
import {
  baggageOf,
  decoded,
  keptOf,
  membersOf,
  objectOf,
  pairsOf,
  sorted,
  written,
} from "./conformance-carried.ts";
import { checkVector, kinds, type VectorSpan, vectors } from "./conformance-vectors.ts";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";
import { record, stubConsumer } from "./stub-kafkajs.ts";

let observed: Tracing;
before(() => {
  observed = tracing();
});
after(() => observed.shutdown());

test("the folder holds the kinds of the manifest, and each is known here", () => {
  const { told, found, known } = kinds();
  assert.deepEqual([found, known], [told, told]);
});

test("a vector with an unknown field is refused, and so is one that lacks a field", () => {
  const vector = { name: "x", headers: null, expect: null };
  checkVector("dead-letter-origin", vector);
  assert.throws(
    () => checkVector("dead-letter-origin", { ...vector, also: 1 }),
    /unknown field  also/,
  );
  assert.throws(() => checkVector("dead-letter-origin", { name: "x", expect: null }), /no field/);
});

const spanText = ({ traceId, spanId, flags }: VectorSpan): string =>
  `${traceId} ${spanId} ${flags}`;

/** What a context says of its span, as a vector writes it. */
function parentIn(context: ReturnType<typeof contextOf>): VectorSpan | null {
  const span = trace.getSpanContext(context);
  if (span === undefined) return null;
  const tracestate = span.traceState?.serialize();
  const parent = { traceId: span.traceId, spanId: span.spanId, flags: span.traceFlags };
  return tracestate === undefined ? parent : { ...parent, tracestate };
}

const outcomes = async (destination: string): Promise<Record<string, unknown>> => {
  const { points } = (await observed.metrics()).get("throughline.context") ?? { points: [] };
  return Object.fromEntries(
    points
      .filter(({ attributes }) => attributes["messaging.destination.name"] === destination)
      .map(({ attributes, value }) => [String(attributes["outcome"]), value]),
  );
};

let topics = 0;
for (const vector of vectors("extract")) {
  const { expect, headers, duplicates } = vector;
  const expectSpan = (span: FinishedSpan): void => {
    const { parent, links } = expect;
    assert.equal(span.parentSpanContext?.spanId, parent?.spanId);
    if (parent !== null) assert.equal(span.spanContext().traceId, parent.traceId);
    const traceIds = links.map(({ traceId }) => traceId);
    assert.ok(parent !== null || !traceIds.includes(span.spanContext().traceId));
    assert.deepEqual(
      span.links.map(({ context }) => spanText({ ...context, flags: context.traceFlags })),
      links.map(spanText),
    );
  };

  test(`extract: ${vector.name}`, async () => {
    const topic = `vector-${topics++}`;
    const incoming = stubConsumer();
    observed.reset();
    const options = duplicates === undefined ? {} : { duplicates };
    const message = record({}, { headers: objectOf(headers) });
    let inside: unknown;
    await traced(incoming.client, options).run({
      eachMessage: async () => {
        inside = membersOf(propagation.getActiveBaggage());
      },
    });
    await incoming.deliver(message, { topic });
    expectSpan(observed.spans()[0] as FinishedSpan);
    assert.deepEqual(inside, sorted(expect.baggage));
    assert.deepEqual(await outcomes(topic), { [expect.outcome]: 1 });
    assert.deepEqual(parentIn(contextOf(message)), expect.parent);
  });

  if (duplicates !== undefined) continue;
  test(`extract from a list of pairs: ${vector.name}`, async () => {
    const destination = `vector-${topics++}`;
    const message = { headers: headers === null ? undefined : pairsOf(headers) };
    observed.reset();
    processAny(message, () => {}, { system: "kafka", destination });
    expectSpan(observed.spans()[0] as FinishedSpan);
    assert.deepEqual(await outcomes(destination), { [expect.outcome]: 1 });
    assert.deepEqual(parentIn(contextOf(message)), expect.parent);
    const baggage = membersOf(propagation.getBaggage(contextOf(message)));
    assert.deepEqual(baggage, sorted(expect.baggage));
  });
}

for (const { name, context, headers, expect } of vectors("inject")) {
  test(`inject: ${name}`, () => {
    let from = ROOT_CONTEXT;
    if (context.span !== null) {
      const { traceId, spanId, flags, tracestate } = context.span;
      const span = { traceId, spanId, traceFlags: flags };
      const state = tracestate === undefined ? {} : { traceState: createTraceState(tracestate) };
      from = trace.setSpanContext(from, { ...span, ...state });
    }
    if (context.baggage.length > 0) {
      from = propagation.setBaggage(from, baggageOf(context.baggage));
    }
    const given = headers === null ? undefined : pairsOf(headers);
    const { own, kept } = written(injectContext(given, from));
    assert.deepEqual(kept, keptOf(expect.headers));
    assert.equal(own.get("traceparent") ?? null, expect.traceparent);
    assert.equal(own.get("tracestate") ?? null, expect.tracestate);
    assert.deepEqual(decoded(own.get("baggage")), sorted(expect.baggage));
    assert.deepEqual(given, headers === null ? undefined : pairsOf(headers));
  });
}

for (const { name, headers, expect } of vectors("dead-letter-origin")) {
  test(`a dead letter's origin: ${name}`, () => {
    assert.deepEqual(deadLetterOf({ headers: pairsOf(headers) }) ?? null, expect);
  });
}

for (const { name, headers, expect } of vectors("dead-letter-origin-rabbitmq")) {
  test(`a dead letter's origin, RabbitMQ: ${name}`, () => {
    assert.deepEqual(deadLetterOf({ properties: { headers } }) ?? null, expect);
  });
}
