// W3C Trace Context Level 2, section 3.3: what a tracestate may look like, and what is sent on.
import { ROOT_CONTEXT, trace, TraceFlags, type TraceState } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { contextOf, injectContext } from "throughline";
import { tracing, type Tracing } from "./sdk.ts";
import { readers, SPAN_ID, TRACE_ID, TRACEPARENT } from "./w3c-readers.ts";

let observed: Tracing;
before(() => {
  observed = tracing();
});
after(() => observed.shutdown());

const members = (count: number): string[] => Array.from({ length: count }, (_, at) => `k${at}=v`);

const VALID: readonly (readonly [what: string, header: string, kept: string])[] = [
  ["one member", "vendor=1", "vendor=1"],
  ["a key that starts with a digit", "0v=1", "0v=1"],
  ["a key with every mark that is allowed", "a_-*/@b=1", "a_-*/@b=1"],
  ["a multi-tenant key", "fw529a3039@dt=FfAAAA", "fw529a3039@dt=FfAAAA"],
  ["a key with two @", "t@v@w=1", "t@v@w=1"],
  ["a key of 256 characters", `${"k".repeat(256)}=1`, `${"k".repeat(256)}=1`],
  ["a value of 256 characters", `k=${"v".repeat(256)}`, `k=${"v".repeat(256)}`],
  ["a value of every mark that is allowed", "k=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~", ""],
  ["a value with spaces inside and in front", "k=  a b", "k=  a b"],
  ["spaces and tabs around a member", " \ta=1\t ,\t b=2 ", "a=1,b=2"],
  ["empty members between others", "a=1,,b=2, ,c=3,", "a=1,b=2,c=3"],
  ["32 members", members(32).join(","), members(32).join(",")],
];

const INVALID: readonly (readonly [what: string, header: string])[] = [
  ["nothing", ""],
  ["empty members alone", " , ,\t"],
  ["33 members", members(33).join(",")],
  ["a key twice", "a=1,b=2,a=3"],
  ["a key twice with one value", "a=1,a=1"],
  ["an upper-case key", "Vendor=1"],
  ["a key that starts with a mark", "_v=1"],
  ["a key that starts with @", "@v=1"],
  ["a key with a dot", "a.b=1"],
  ["a key with a space", "a b=1"],
  ["a space before the equals sign", "a =1"],
  ["a key of 257 characters", `${"k".repeat(257)}=1`],
  ["no key", "=1"],
  ["no equals sign", "vendor"],
  ["no equals sign, among good members", "a=1,vendor,b=2"],
  ["no value", "vendor="],
  ["a value of 257 characters", `k=${"v".repeat(257)}`],
  ["a value with an equals sign", "k=a=b"],
  ["a value with a tab", "k=a\tb"],
  ["a value with a control character", "k=a\u0001b"],
  ["a value that is no ASCII", "k=\u00e9"],
  ["one bad member among good ones", "a=1,B=2,c=3"],
];

for (const [reader, read] of readers) {
  const stateOf = (tracestate: string | string[]): string | undefined =>
    trace.getSpanContext(read({ traceparent: TRACEPARENT, tracestate }))?.traceState?.serialize();

  for (const [what, header, kept] of VALID) {
    test(`${reader}: valid is ${what}`, () => assert.equal(stateOf(header), kept || header));
  }

  for (const [what, header] of INVALID) {
    test(`${reader}: invalid is ${what}; it is dropped, and traceparent is not affected`, () => {
      const context = read({ traceparent: TRACEPARENT, tracestate: header });
      const spanContext = trace.getSpanContext(context);
      assert.equal(spanContext?.spanId, SPAN_ID);
      assert.equal(spanContext.traceState, undefined);
    });
  }

  test(`${reader}: a header that is repeated is one list, and its rules hold for the whole`, () => {
    assert.equal(stateOf(["a=1", "b=2,c=3"]), "a=1,b=2,c=3");
    assert.equal(stateOf(["a=1", "", "c=3"]), "a=1,c=3");
    assert.equal(stateOf(["a=1", "a=2"]), undefined);
    assert.equal(stateOf(members(33)), undefined);
  });

  test(`${reader}: a tracestate without a traceparent is nothing`, () => {
    assert.equal(trace.getSpanContext(read({ tracestate: "a=1" })), undefined);
  });

  test(`${reader}: a header of a megabyte is dropped`, () => {
    assert.equal(stateOf("a".repeat(1 << 20)), undefined);
    assert.equal(stateOf(`a=1${",".repeat(1 << 20)}b=2`), undefined);
  });
}

const sentFor = (tracestate: string): string | undefined => {
  const headers = { traceparent: TRACEPARENT, tracestate };
  return (injectContext({}, contextOf({ headers })) as Record<string, string>)["tracestate"];
};

/** A member of exactly so many characters. */
const memberOf = (key: string, characters: number): string =>
  `${key}=${"v".repeat(characters - key.length - 1)}`;

test("a valid list of 512 characters is sent on whole", () => {
  const header = [memberOf("a", 256), memberOf("b", 255)].join(",");
  assert.equal(header.length, 512);
  assert.equal(sentFor(header), header);
});

test("beyond 512 characters whole members go: those over 128 characters first, from the end", () => {
  const long = memberOf("long", 129);
  const longer = memberOf("longer", 200);
  const short = ["a", "b", "c"].map((key) => memberOf(key, 128));
  assert.equal(sentFor([longer, ...short, long].join(",")), short.join(","));
  assert.equal(
    sentFor([memberOf("a", 100), longer, memberOf("b", 100), long].join(",")),
    [memberOf("a", 100), longer, memberOf("b", 100)].join(","),
  );
});

test("where there are only short members, the last ones go", () => {
  const short = ["a", "b", "c", "d", "e"].map((key) => memberOf(key, 128));
  assert.equal(sentFor(short.join(",")), short.slice(0, 3).join(","));
});

test("a state of another implementation is held to the same limits when it is sent", () => {
  const many = Array.from({ length: 40 }, (_, at) => `k${at}=${"v".repeat(20)}`).join(",");
  const traceState: TraceState = {
    get: () => undefined,
    set: () => traceState,
    unset: () => traceState,
    serialize: () => many,
  };
  const spanContext = {
    traceId: TRACE_ID,
    spanId: SPAN_ID,
    traceFlags: TraceFlags.SAMPLED,
    traceState,
  };
  const sent = injectContext({}, trace.setSpanContext(ROOT_CONTEXT, spanContext));
  const { tracestate = "" } = sent as Record<string, string>;
  const whole = many.split(",").reduce((kept, member) => {
    const longer = kept === "" ? member : `${kept},${member}`;
    return longer.length <= 512 ? longer : kept;
  }, "");
  assert.equal(tracestate, whole);
});

test("a state of another implementation with more than 32 members is sent with 32", () => {
  const many = members(40).join(",");
  const traceState: TraceState = {
    get: () => undefined,
    set: () => traceState,
    unset: () => traceState,
    serialize: () => many,
  };
  const spanContext = { traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1, traceState };
  const sent = injectContext({}, trace.setSpanContext(ROOT_CONTEXT, spanContext));
  assert.equal((sent as Record<string, string>)["tracestate"], members(32).join(","));
});

test("a state answers as the api's own: a changed member comes first, the one before stays as it was", () => {
  const context = contextOf({ headers: { traceparent: TRACEPARENT, tracestate: "a=1,b=2" } });
  const state = trace.getSpanContext(context)?.traceState;
  assert.equal(state?.get("b"), "2");
  assert.equal(state.set("b", "3").serialize(), "b=3,a=1");
  assert.equal(state.set("c", "3").serialize(), "c=3,a=1,b=2");
  assert.equal(state.set("C", "no key").serialize(), "a=1,b=2");
  assert.equal(state.set("c", "ends with a space ").serialize(), "a=1,b=2");
  assert.equal(state.set("c", "").serialize(), "a=1,b=2");
  assert.equal(state.unset("a").serialize(), "b=2");
  assert.equal(state.get("a"), "1");
  assert.equal(state.get("c"), undefined);
  assert.equal(state.serialize(), "a=1,b=2");
});
