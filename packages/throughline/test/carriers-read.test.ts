// A message's context is found in whatever layout its client gives headers, and reading it leaves no
// mark: by our own code, and on behalf of the application's propagator.
import { type Context, propagation, trace } from "@opentelemetry/api";
import { B3Propagator } from "@opentelemetry/propagator-b3";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { contextOf, processMessage } from "throughline";
import { tracing, type Tracing } from "./sdk.ts";
import { SPAN_ID, TRACE_ID, TRACEPARENT } from "./w3c-readers.ts";

const bytes = (text: string): Buffer => Buffer.from(text);
const view = (text: string): Uint8Array => {
  // A client cuts its headers out of one large buffer: the view starts somewhere within.
  const fetched = new Uint8Array(text.length + 40).fill(0x41);
  fetched.set(Buffer.from(text), 20);
  return fetched.subarray(20, 20 + text.length);
};

const OWN = [
  ["tenant", "a"],
  ["traceparent", TRACEPARENT],
  ["tracestate", "vendor=1"],
  ["baggage", "user=7"],
] as const;

const object = (value: (text: string) => unknown, name = (text: string): string => text): object =>
  Object.fromEntries(OWN.map(([key, text]) => [name(key), value(text)]));

const LAYOUTS: readonly (readonly [what: string, headers: object])[] = [
  ["an object of text", object((text) => text)],
  ["an object of Buffers", object(bytes)],
  ["an object of Uint8Arrays", object((text) => new Uint8Array(bytes(text)))],
  ["an object of views into one buffer", object(view)],
  ["an object of arrays of one text", object((text) => [text])],
  ["an object of arrays of one Buffer", object((text) => [bytes(text)])],
  ["an object without a prototype", Object.assign(Object.create(null), object(bytes))],
  ["an object with upper-case names", object(bytes, (name) => name.toUpperCase())],
  [
    "an object with names in title case",
    object(bytes, (name) => name.slice(0, 1).toUpperCase() + name.slice(1)),
  ],
  [
    "an object with nulls and undefineds among the values",
    { a: null, ...object(bytes), b: undefined },
  ],
  ["an instance of a class", Object.assign(new Date(0), object(bytes))],
  ["a Map of text", new Map(OWN)],
  ["a Map of Buffers", new Map(OWN.map(([name, text]) => [name, bytes(text)]))],
  ["a Map whose names are Buffers", new Map(OWN.map(([name, text]) => [bytes(name), bytes(text)]))],
  ["a list of pairs of text", OWN.map(([name, text]) => [name, text])],
  ["a list of pairs of Buffers", OWN.map(([name, text]) => [bytes(name), bytes(text)])],
  ["a list of single-key objects", OWN.map(([name, text]) => ({ [name]: text }))],
  ["a list of single-key objects of Buffers", OWN.map(([name, text]) => ({ [name]: bytes(text) }))],
  ["a list with nulls in it", [null, ...OWN.map(([name, text]) => ({ [name]: text })), undefined]],
  ["a frozen object", Object.freeze(object(bytes))],
  ["a frozen list of frozen pairs", Object.freeze(OWN.map((pair) => Object.freeze([...pair])))],
];

const NOTHING_IN: readonly (readonly [what: string, headers: unknown])[] = [
  ["no headers", undefined],
  ["null for headers", null],
  ["an empty object", {}],
  ["an empty list", []],
  ["an empty Map", new Map()],
  ["text for headers", TRACEPARENT],
  ["a number for headers", 7],
  ["a function for headers", () => TRACEPARENT],
  ["a traceparent of null", { traceparent: null }],
  ["a traceparent of undefined", { traceparent: undefined }],
  ["a traceparent of no values", { traceparent: [] }],
  ["a traceparent of nulls", { traceparent: [null, undefined] }],
  ["a traceparent that is inherited", Object.create({ traceparent: TRACEPARENT })],
  ["a list of objects whose traceparent is the second key", [{ a: "1", traceparent: TRACEPARENT }]],
];

const MALFORMED: readonly (readonly [what: string, value: unknown])[] = [
  ["a number", 7],
  ["a boolean", true],
  ["an object", { traceparent: TRACEPARENT }],
  ["a symbol", Symbol("traceparent")],
  ["a function", () => TRACEPARENT],
  ["a date", new Date(0)],
  ["an ArrayBuffer", new ArrayBuffer(55)],
  ["a list in a list", [[TRACEPARENT]]],
  ["bytes that are no UTF-8", Buffer.alloc(55, 0xff)],
  ["a megabyte of text", "0".repeat(1 << 20)],
  ["a megabyte of bytes", Buffer.alloc(1 << 20, "0")],
];

const w3c = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
const WAYS = [
  ["our own code", new CompositePropagator({ propagators: w3c })],
  [
    "the application's propagator",
    new CompositePropagator({ propagators: [new B3Propagator(), ...w3c] }),
  ],
] as const;

function assertWhole(context: Context): void {
  const spanContext = trace.getSpanContext(context);
  assert.equal(spanContext?.traceId, TRACE_ID);
  assert.equal(spanContext.spanId, SPAN_ID);
  assert.equal(spanContext.traceState?.serialize(), "vendor=1");
  assert.deepEqual(
    propagation
      .getBaggage(context)
      ?.getAllEntries()
      .map(([key, { value }]) => [key, value]),
    [["user", "7"]],
  );
}

for (const [way, propagator] of WAYS) {
  describe(way, () => {
    let observed: Tracing;
    before(() => {
      observed = tracing({ propagator });
    });
    after(() => observed.shutdown());

    for (const [what, headers] of LAYOUTS) {
      test(`the whole context is read from ${what}`, () => assertWhole(contextOf({ headers })));
    }

    test("the whole context is read from an AMQP message's properties", () => {
      assertWhole(contextOf({ fields: {}, properties: { headers: object((text) => text) } }));
      assertWhole(contextOf({ headers: null, properties: { headers: object(bytes) } }));
    });

    test("the whole context is read from headers that are given beside the message", () => {
      const delivery = { system: "nats", destination: "orders", headers: new Map(OWN) };
      const seen = processMessage({ headers: undefined }, () => observed.open().length, delivery);
      assert.equal(seen, 1);
      assert.equal(observed.spans().at(-1)?.spanContext().traceId, TRACE_ID);
    });

    for (const [what, headers] of NOTHING_IN) {
      test(`no context is read from ${what}`, () => {
        assert.equal(trace.getSpanContext(contextOf({ headers })), undefined);
      });
    }

    for (const [what, traceparent] of MALFORMED) {
      test(`no context is read from a traceparent that is ${what}, and its baggage is`, () => {
        const context = contextOf({ headers: { traceparent, baggage: "user=7" } });
        assert.equal(trace.getSpanContext(context), undefined);
        assert.equal(propagation.getBaggage(context)?.getEntry("user")?.value, "7");
      });
    }

    test("a context is found among a thousand headers and beside a megabyte", () => {
      const many = Object.fromEntries(
        Array.from({ length: 1000 }, (_, at) => [`header-${at}`, bytes(`value ${at}`)]),
      );
      assertWhole(
        contextOf({ headers: { ...many, ...object(bytes), large: Buffer.alloc(1 << 20) } }),
      );
    });

    test("a header called __proto__ is a header like any other", () => {
      const headers: unknown = JSON.parse(
        `{"__proto__": "x", "traceparent": "${TRACEPARENT}", "constructor": "y"}`,
      );
      assert.equal(trace.getSpanContext(contextOf({ headers }))?.traceId, TRACE_ID);
      const hidden: unknown = JSON.parse(`{"__proto__": {"traceparent": "${TRACEPARENT}"}}`);
      assert.equal(trace.getSpanContext(contextOf({ headers: hidden })), undefined);
    });

    test("a header that stands in several letter cases counts as repeated", () => {
      const other = `00-${TRACE_ID}-b7ad6b7169203331-01`;
      const headers = { Traceparent: TRACEPARENT, TRACEPARENT: other };
      assert.equal(trace.getSpanContext(contextOf({ headers }))?.spanId, "b7ad6b7169203331");
    });

    test("no header is read twice, the headers and the message are not written to", () => {
      const reads: string[] = [];
      const headers = {};
      for (const [name, text] of OWN) {
        Object.defineProperty(headers, name, {
          enumerable: true,
          get() {
            reads.push(name);
            return bytes(text);
          },
          set() {
            assert.fail(`${name} was written`);
          },
        });
      }
      let asked = 0;
      const message = Object.freeze({
        get headers() {
          asked += 1;
          return Object.freeze(headers);
        },
      });
      const delivery = { system: "nats", destination: "orders" };
      processMessage(message, () => {}, delivery);
      assert.equal(asked, 1);
      assert.deepEqual(reads, [...new Set(reads)]);
      assert.ok(reads.includes("traceparent"));
      assert.equal(observed.spans().at(-1)?.spanContext().traceId, TRACE_ID);
    });
  });
}

test("our own code touches no header but its own three", async () => {
  const observed = tracing();
  try {
    const headers = { traceparent: bytes(TRACEPARENT) };
    Object.defineProperty(headers, "payload", {
      enumerable: true,
      get: () => assert.fail("payload was read"),
    });
    // Of the same length as one of the three.
    Object.defineProperty(headers, "application", {
      enumerable: true,
      get: () => assert.fail("application was read"),
    });
    assert.equal(trace.getSpanContext(contextOf({ headers }))?.traceId, TRACE_ID);
  } finally {
    await observed.shutdown();
  }
});
