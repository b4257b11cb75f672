// Whatever stands in the headers, nothing is thrown, the handler runs, and what is read is what was
// written.
import {
  type Context,
  propagation,
  ROOT_CONTEXT,
  type TextMapPropagator,
  trace,
  type TraceState,
} from "@opentelemetry/api";
import { CompositePropagator } from "@opentelemetry/core";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as fc from "fast-check";
import {
  contextOf,
  deadLetter,
  deadLetterOf,
  injectContext,
  links,
  processBatch,
  processMessage,
  w3cPropagator,
} from "throughline";
import { traced } from "throughline/kafkajs";
import { anyHeaders, otherHeaders, spanId, stateMembers, traceId } from "./any-headers.ts";
import { tracing, type Tracing } from "./sdk.ts";
import { stubProducer } from "./stub-kafkajs.ts";

const at = { system: "any", destination: "orders" };
/** Carries nothing, but has a header of its own: ours does not take the place of what holds this one. */
const inert: TextMapPropagator = {
  fields: () => ["x-inert"],
  inject: () => {},
  extract: (context) => context,
};

function stateOf(text: string): TraceState {
  const state: TraceState = {
    get: () => undefined,
    set: () => state,
    unset: () => state,
    serialize: () => text,
  };
  return state;
}

/** What a context says, in a form that can be compared. */
function told(context: Context): object {
  const { traceId, spanId, traceFlags, traceState } = trace.getSpanContext(context) ?? {};
  const baggage = propagation.getBaggage(context)?.getAllEntries() ?? [];
  return {
    span: traceId === undefined ? undefined : [traceId, spanId, traceFlags],
    state: traceState?.serialize(),
    baggage: baggage.map(([key, { value, metadata }]) => [key, value, metadata?.toString()]),
  };
}

for (const [way, propagator] of [
  ["our own code", w3cPropagator()],
  [
    "the application's propagator",
    new CompositePropagator({ propagators: [w3cPropagator(), inert] }),
  ],
] as const) {
  describe(way, () => {
    let observed: Tracing;
    before(() => {
      observed = tracing({ propagator });
    });
    after(() => observed.shutdown());

    test("any headers: nothing is thrown, and the handler runs once with its message", () => {
      fc.assert(
        fc.property(anyHeaders, (headers) => {
          const message = { headers };
          let calls = 0;
          const answer = processMessage(
            message,
            (given) => {
              assert.equal(given, message);
              calls += 1;
              return calls;
            },
            at,
          );
          assert.equal(answer, 1);
          assert.equal(
            processBatch([message, {}], (given) => given.length, at),
            2,
          );
          assert.equal(typeof contextOf(message).getValue, "function");
          assert.equal(typeof injectContext(headers as object), "object");
          const letter = deadLetter(message, new Error("failed")) as { headers: object };
          assert.equal(typeof letter.headers, "object");
          assert.equal(deadLetterOf(letter)?.errorMessage, "failed");
        }),
        { numRuns: 1000 },
      );
      observed.reset();
    });

    test("any headers: what was read is what is read again after it was written", () => {
      fc.assert(
        fc.property(anyHeaders, (headers) => {
          const first = contextOf({ headers });
          const again = contextOf({ headers: injectContext(headers as object, first) });
          assert.deepEqual(told(again), told(first));
        }),
        { numRuns: 1000 },
      );
    });

    test("any context: what is written is what is read, in every layout", () => {
      const anyContext = fc
        .record({
          traceId,
          spanId,
          traceFlags: fc.constantFrom(0, 1),
          members: stateMembers,
          baggage: fc.dictionary(
            fc.string({ minLength: 1, unit: "grapheme-ascii" }),
            fc.string({ unit: "grapheme" }),
            { maxKeys: 4 },
          ),
        })
        .map(({ members, baggage, ...spanContext }) => {
          const state = members.length === 0 ? {} : { traceState: stateOf(members.join(",")) };
          const spanned = trace.setSpanContext(ROOT_CONTEXT, { ...spanContext, ...state });
          const entries = Object.entries(baggage).map(([key, value]) => [key, { value }] as const);
          const set = propagation.createBaggage(Object.fromEntries(entries));
          return propagation.setBaggage(spanned, set);
        });
      fc.assert(
        fc.property(anyContext, otherHeaders, (context, headers) => {
          const written = injectContext(headers, context);
          assert.deepEqual(told(contextOf({ headers: written })), told(context));
        }),
        { numRuns: 500 },
      );
    });
  });
}

const refuse = (): never => {
  throw new Error("touched");
};

describe("hostile objects", () => {
  let observed: Tracing;
  before(() => {
    observed = tracing();
  });
  after(() => observed.shutdown());

  const everyTrap = new Proxy(
    {},
    Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((trap) => [trap, refuse])),
  );
  const throwing = (name: string): object =>
    Object.defineProperty({}, name, { enumerable: true, get: refuse });
  const HOSTILE: readonly (readonly [what: string, headers: object])[] = [
    ["a proxy whose every trap throws", everyTrap],
    ["a traceparent whose getter throws", throwing("traceparent")],
    ["another header whose getter throws", throwing("tenant")],
    ["a Map whose iteration throws", Object.assign(new Map(), { [Symbol.iterator]: refuse })],
    ["a list whose element throws", [everyTrap]],
    ["a pair whose value throws", [Object.defineProperty(["traceparent"], 1, { get: refuse })]],
    [
      "a header's list whose element throws",
      { traceparent: Object.defineProperty([], 0, { get: refuse }) },
    ],
    [
      "a revoked proxy",
      (() => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      })(),
    ],
  ];

  for (const [what, headers] of HOSTILE) {
    test(`${what}: nothing is thrown, and the handler runs`, () => {
      const message = { headers, value: "1" };
      assert.equal(
        processMessage(message, () => 42, at),
        42,
      );
      assert.equal(
        processBatch([message], () => 42, at),
        42,
      );
      assert.equal(typeof contextOf(message).getValue, "function");
      assert.equal(typeof injectContext(headers), "object");
      assert.equal(deadLetterOf(message), undefined);
      const letter = deadLetter(message, new Error("failed"));
      assert.equal(deadLetterOf(letter)?.errorMessage, "failed");
    });

    test(`${what}: a message made from one, or with one, is sent`, async () => {
      const { client, calls } = stubProducer(async () => "sent");
      const producer = traced(client);
      const given = { topic: "invoices", messages: [{ value: "1", headers: headers as never }] };
      assert.equal(await producer.send(given), "sent");
      const made = links({ value: "1" }, [{ headers }]);
      assert.equal(await producer.send({ topic: "invoices", messages: [made] }), "sent");
      assert.equal(calls.length, 2);
    });
  }

  test("an error whose every part throws becomes a dead letter too", () => {
    for (const error of [
      everyTrap,
      throwing("message"),
      Object.create(null),
      Symbol("failed"),
      null,
    ]) {
      const letter = deadLetter({ headers: {} }, error);
      assert.equal(deadLetterOf(letter)?.attempts, 1);
    }
  });

  test("an error whose message is no text becomes a dead letter too", () => {
    const error = Object.assign(new Error("text"), { message: { code: 7 } });
    assert.equal(deadLetterOf(deadLetter({ headers: {} }, error))?.errorType, "Error");
  });
});
