// A context is written into new headers of the same layout as those there were, all of the
// propagator's headers as one set; what was given is not written to.
import { trace, ROOT_CONTEXT } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { injectContext } from "throughline";
import { tracing, type Tracing } from "./sdk.ts";
import { SPAN_ID, TRACE_ID, TRACEPARENT } from "./w3c-readers.ts";

let observed: Tracing;
before(() => {
  observed = tracing();
});
after(() => observed.shutdown());

const context = trace.setSpanContext(ROOT_CONTEXT, {
  traceId: TRACE_ID,
  spanId: SPAN_ID,
  traceFlags: 1,
});
const STALE = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
const large = Buffer.alloc(1 << 20, 7);
const list = ["a", "b"];
const bytes = (text: string): Buffer => Buffer.from(text);

const LAYOUTS: readonly (readonly [
  what: string,
  before: object | null | undefined,
  after: object,
])[] = [
  ["no headers", undefined, { traceparent: TRACEPARENT }],
  ["null for headers", null, { traceparent: TRACEPARENT }],
  ["an empty object", {}, { traceparent: TRACEPARENT }],
  ["an object", { b: "2", a: large }, { b: "2", a: large, traceparent: TRACEPARENT }],
  [
    "an object of nulls, undefineds and arrays",
    { a: null, b: undefined, c: list },
    { a: null, b: undefined, c: list, traceparent: TRACEPARENT },
  ],
  ["an object with the context of before", { traceparent: STALE }, { traceparent: TRACEPARENT }],
  [
    "an object with the context of before in every letter case",
    { Traceparent: STALE, TRACEPARENT: bytes(STALE), traceparent: [STALE, STALE], x: "1" },
    { x: "1", traceparent: TRACEPARENT },
  ],
  [
    "an object with a tracestate and a baggage that go with another context",
    { Tracestate: "stale=1", BAGGAGE: "stale=1", x: "1" },
    { x: "1", traceparent: TRACEPARENT },
  ],
  [
    "a Map",
    new Map([["a", large]]),
    new Map<string, unknown>([
      ["a", large],
      ["traceparent", TRACEPARENT],
    ]),
  ],
  [
    "a Map with the context of before",
    new Map<unknown, unknown>([
      ["TraceParent", STALE],
      [bytes("traceparent"), STALE],
      ["a", 1],
    ]),
    new Map<unknown, unknown>([
      ["a", 1],
      ["traceparent", TRACEPARENT],
    ]),
  ],
  [
    "a list of pairs",
    [
      ["a", "1"],
      ["a", "2"],
    ],
    [
      ["a", "1"],
      ["a", "2"],
      ["traceparent", TRACEPARENT],
    ],
  ],
  [
    "a list of pairs with the context of before",
    [
      ["a", "1"],
      ["Traceparent", STALE],
      [bytes("tracestate"), bytes("stale=1")],
    ],
    [
      ["a", "1"],
      ["traceparent", TRACEPARENT],
    ],
  ],
  [
    "a list of single-key objects",
    [{ a: large }, { a: "2" }],
    [{ a: large }, { a: "2" }, { traceparent: TRACEPARENT }],
  ],
  [
    "a list of single-key objects with the context of before",
    [{ TRACEPARENT: STALE }, { a: "1" }, { tracestate: "stale=1" }],
    [{ a: "1" }, { traceparent: TRACEPARENT }],
  ],
];

function frozen(headers: object | null | undefined): typeof headers {
  if (Array.isArray(headers)) headers.forEach((each: object) => Object.freeze(each));
  if (headers instanceof Map) {
    Object.assign(headers, { set: () => assert.fail("written to"), delete: () => assert.fail() });
  }
  return headers && Object.freeze(headers);
}

for (const [what, headers, expected] of LAYOUTS) {
  test(`a context is written into ${what}, which is not written to`, () => {
    const given = frozen(headers);
    const written: object = injectContext(given, context);
    assert.deepEqual(written, expected);
    assert.notEqual(written, given);
  });
}

test("values are handed on as they are, not copied", () => {
  const written = injectContext({ large, list }, context);
  assert.equal(written.large, large);
  assert.equal(written.list, list);
});

test("the order of a thousand headers stays", () => {
  const names = Array.from({ length: 1000 }, (_, at) => `header-${at}`);
  const headers = Object.fromEntries(names.map((name) => [name, name]));
  assert.deepEqual(Object.keys(injectContext(headers, context)), [...names, "traceparent"]);
});

test("a header called __proto__ stays a header", () => {
  for (const given of [
    JSON.parse('{"__proto__": "x", "a": "1"}') as object,
    [JSON.parse('{"__proto__": "x"}'), { a: "1" }] as object,
  ]) {
    const written: object = injectContext(given, context);
    const first: object = Array.isArray(written) ? (written[0] as object) : written;
    assert.equal(Object.getPrototypeOf(first), Object.prototype);
    assert.equal(Object.getOwnPropertyDescriptor(first, "__proto__")?.value, "x");
  }
});

test("no header is read twice", () => {
  const reads: string[] = [];
  const headers = {};
  for (const name of ["a", "traceparent", "Tracestate"]) {
    Object.defineProperty(headers, name, {
      enumerable: true,
      get: () => {
        reads.push(name);
        return name;
      },
    });
  }
  assert.deepEqual(injectContext(headers, context), { a: "a", traceparent: TRACEPARENT });
  assert.deepEqual(reads, [...new Set(reads)]);
});

test("without a context to write, what was there of another is taken out all the same", () => {
  assert.deepEqual(injectContext({ a: "1", traceparent: STALE }, ROOT_CONTEXT), { a: "1" });
});
