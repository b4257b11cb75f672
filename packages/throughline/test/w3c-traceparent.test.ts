// W3C Trace Context Level 2, section 3.2: what a traceparent may look like.
import { isSpanContextValid, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { contextOf, injectContext } from "throughline";
import { tracing, type Tracing } from "./sdk.ts";
import { readers, SPAN_ID, TRACE_ID, TRACEPARENT } from "./w3c-readers.ts";

let observed: Tracing;
before(() => {
  observed = tracing();
});
after(() => observed.shutdown());

const VALID: readonly (readonly [what: string, header: string, flags: number])[] = [
  ["version 00, sampled", `00-${TRACE_ID}-${SPAN_ID}-01`, 1],
  ["version 00, not sampled", `00-${TRACE_ID}-${SPAN_ID}-00`, 0],
  ["the random flag alone", `00-${TRACE_ID}-${SPAN_ID}-02`, 2],
  ["the random flag, sampled", `00-${TRACE_ID}-${SPAN_ID}-03`, 3],
  ["flags without a meaning yet, beside the two that have one", `00-${TRACE_ID}-${SPAN_ID}-ff`, 3],
  ["flags without a meaning yet, alone", `00-${TRACE_ID}-${SPAN_ID}-fc`, 0],
  ["ids of all digits", `00-${"1".repeat(32)}-${"9".repeat(16)}-01`, 1],
  ["ids of a single bit", `00-${"0".repeat(31)}1-${"0".repeat(15)}1-01`, 1],
  ["a higher version that ends with its flags", `01-${TRACE_ID}-${SPAN_ID}-01`, 1],
  ["a higher version that goes on", `cc-${TRACE_ID}-${SPAN_ID}-01-what-the-future-holds`, 1],
  ["a higher version that goes on with a dash alone", `cc-${TRACE_ID}-${SPAN_ID}-01-`, 1],
  ["the highest version", `fe-${TRACE_ID}-${SPAN_ID}-01`, 1],
];

const INVALID: readonly (readonly [what: string, header: string])[] = [
  ["nothing", ""],
  ["version ff", `ff-${TRACE_ID}-${SPAN_ID}-01`],
  ["version ff that goes on", `ff-${TRACE_ID}-${SPAN_ID}-01-more`],
  ["a zero trace id", `00-${"0".repeat(32)}-${SPAN_ID}-01`],
  ["a zero parent id", `00-${TRACE_ID}-${"0".repeat(16)}-01`],
  ["zero ids of a higher version", `01-${"0".repeat(32)}-${SPAN_ID}-01`],
  ["an upper-case version", `0A-${TRACE_ID}-${SPAN_ID}-01`],
  ["an upper-case trace id", `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`],
  ["an upper-case parent id", `00-${TRACE_ID}-${SPAN_ID.toUpperCase()}-01`],
  ["upper-case flags", `00-${TRACE_ID}-${SPAN_ID}-0B`],
  ["a version that is no hex", `.0-${TRACE_ID}-${SPAN_ID}-01`],
  ["a trace id that is no hex", `00-.${TRACE_ID.slice(1)}-${SPAN_ID}-01`],
  ["a parent id that is no hex", `00-${TRACE_ID}-g${SPAN_ID.slice(1)}-01`],
  ["flags that are no hex", `00-${TRACE_ID}-${SPAN_ID}-.1`],
  ["a character whose low byte is a digit", `00-\u0134${TRACE_ID.slice(1)}-${SPAN_ID}-01`],
  ["full-width digits", `00-${TRACE_ID}-${SPAN_ID}-\uff10\uff11`],
  ["a trace id a character short", `00-${TRACE_ID.slice(1)}-${SPAN_ID}-01`],
  ["a trace id a character long", `00-a${TRACE_ID}-${SPAN_ID}-01`],
  ["a parent id a character short", `00-${TRACE_ID}-${SPAN_ID.slice(1)}-01`],
  ["a parent id a character long", `00-${TRACE_ID}-a${SPAN_ID}-01`],
  ["flags of one character", `00-${TRACE_ID}-${SPAN_ID}-1`],
  ["flags of three characters", `00-${TRACE_ID}-${SPAN_ID}-001`],
  ["no flags", `00-${TRACE_ID}-${SPAN_ID}`],
  ["no dash after the version", `00_${TRACE_ID}-${SPAN_ID}-01`],
  ["no dash after the trace id", `00-${TRACE_ID}_${SPAN_ID}-01`],
  ["no dash after the parent id", `00-${TRACE_ID}-${SPAN_ID}_01`],
  ["version 00 that goes on", `00-${TRACE_ID}-${SPAN_ID}-01-more`],
  ["version 00 that goes on with a dash alone", `00-${TRACE_ID}-${SPAN_ID}-01-`],
  ["a higher version whose flags go on without a dash", `cc-${TRACE_ID}-${SPAN_ID}-01.more`],
  ["a higher version of one character more", `cc-${TRACE_ID}-${SPAN_ID}-012`],
  ["a leading space", ` 00-${TRACE_ID}-${SPAN_ID}-01`],
  ["a trailing space", `00-${TRACE_ID}-${SPAN_ID}-01 `],
  ["two headers joined by a comma", `${TRACEPARENT},${TRACEPARENT}`],
];

for (const [reader, read] of readers) {
  for (const [what, header, flags] of VALID) {
    test(`${reader}: valid is ${what}`, () => {
      const spanContext = trace.getSpanContext(read({ traceparent: header }));
      assert.equal(spanContext?.traceId, header.slice(3, 35));
      assert.equal(spanContext.spanId, header.slice(36, 52));
      assert.equal(spanContext.traceFlags, flags);
      assert.equal(spanContext.isRemote, true);
    });
  }

  for (const [what, header] of INVALID) {
    test(`${reader}: invalid is ${what}, and its tracestate goes with it`, () => {
      const context = read({ traceparent: header, tracestate: "vendor=1" });
      assert.equal(trace.getSpanContext(context), undefined);
    });
  }

  test(`${reader}: a header is valid exactly where the grammar says so`, () => {
    // The grammar once more, in the most different way there is: one regular expression.
    const grammar =
      /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/s;
    const near = fc
      .tuple(
        fc.constantFrom("00", "01", "cc", "fe", "ff", "0"),
        fc.constantFrom("", "-", "-x", "x"),
        fc.array(
          fc.tuple(
            fc.nat({ max: 60 }),
            fc.oneof(
              fc.constantFrom("0", "a", "F", "-", "_", " ", "\u0130"),
              fc.string({ maxLength: 2 }),
            ),
          ),
          { maxLength: 2 },
        ),
      )
      .map(([version, rest, changes]) => {
        let header = `${version}-${TRACE_ID}-${SPAN_ID}-01${rest}`;
        for (const [at, character] of changes) {
          header = header.slice(0, at) + character + header.slice(at + 1);
        }
        return header;
      });
    fc.assert(
      fc.property(near, (header) => {
        const match = grammar.exec(header);
        const valid = match !== null && (match[1] !== "00" || match[5] === undefined);
        const spanContext = trace.getSpanContext(read({ traceparent: header }));
        assert.equal(spanContext !== undefined, valid, JSON.stringify(header));
        if (match !== null && valid) assert.equal(spanContext?.traceId, match[2]);
      }),
      { numRuns: 500 },
    );
  });
}

test("what is sent on is version 00, whatever version came in", () => {
  const context = contextOf({ headers: { traceparent: `cc-${TRACE_ID}-${SPAN_ID}-01-more` } });
  assert.deepEqual(injectContext({}, context), { traceparent: TRACEPARENT });
});

test("flags without a meaning yet are not sent on", () => {
  const context = contextOf({ headers: { traceparent: `00-${TRACE_ID}-${SPAN_ID}-ff` } });
  assert.deepEqual(injectContext({}, context), { traceparent: `00-${TRACE_ID}-${SPAN_ID}-03` });
});

test("nothing is sent for a context without a valid span", () => {
  const invalid = { traceId: "0".repeat(32), spanId: SPAN_ID, traceFlags: 1 };
  assert.equal(isSpanContextValid(invalid), false);
  assert.deepEqual(injectContext({}, ROOT_CONTEXT), {});
  assert.deepEqual(injectContext({}, trace.setSpanContext(ROOT_CONTEXT, invalid)), {});
});

for (const [name, read] of readers) {
  test(`${name}: several of one trace count as the last, of different traces as none`, () => {
    const last = `00-${TRACE_ID}-${"7".repeat(16)}-00`;
    const one = trace.getSpanContext(read({ traceparent: [TRACEPARENT, last] }));
    assert.equal(one?.spanId, "7".repeat(16));
    const other = `00-${"a".repeat(32)}-${SPAN_ID}-01`;
    for (const traceparent of [
      [TRACEPARENT, other],
      [other, TRACEPARENT],
    ]) {
      assert.equal(trace.getSpanContext(read({ traceparent })), undefined);
    }
  });
}
