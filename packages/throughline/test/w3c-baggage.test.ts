// W3C Baggage: what is read, what is kept of it, and what is sent.
import { baggageEntryMetadataFromString, propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import type { BaggageEntry } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { contextOf, injectContext, w3cPropagator } from "throughline";
import { tracing, type Tracing } from "./sdk.ts";
import { readers, type TextHeaders, TRACEPARENT } from "./w3c-readers.ts";

let observed: Tracing;
before(() => {
  observed = tracing();
});
after(() => observed.shutdown());

const VALID: readonly (readonly [what: string, header: string, held: Record<string, string>])[] = [
  ["one member", "tenant=a", { tenant: "a" }],
  ["an empty value", "tenant=", { tenant: "" }],
  ["spaces and tabs around key and value", " \ttenant \t=\t a , b = 2", { tenant: "a", b: "2" }],
  ["an equals sign in the value", "k=a=b", { k: "a=b" }],
  ["a percent-encoded value", "k=%C3%A9%20%2C%3B", { k: "\u00e9 ,;" }],
  ["a percent-encoding that is no UTF-8", "k=a%FF%C3", { k: "a\ufffd\ufffd" }],
  ["a percent that begins no encoding", "k=5%zz%", { k: "5%zz%" }],
  ["every mark a key may have", "!#$&'*+-.^_`|~=1", { "!#$&'*+-.^_`|~": "1" }],
  ["a key that comes again: the last one holds", "k=1,k=2", { k: "2" }],
  [
    "a key of an object's prototype",
    "__proto__=1,constructor=2",
    { ["__proto__"]: "1", constructor: "2" },
  ],
];

const DROPPED: readonly (readonly [what: string, member: string])[] = [
  ["no equals sign", "tenant"],
  ["no key", "=a"],
  ["a key with a space", "a b=1"],
  ["a key with a bracket", "a(b)=1"],
  ["a key that is no ASCII", "\u00e9=1"],
  ["a value with a space", "k=a b"],
  ["a value with quotes", 'k="a"'],
  ["a value with a backslash", "k=a\\b"],
  ["a value that is no ASCII", "k=\u00e9"],
  ["a value with a control character", "k=\u0001"],
  ["a key whose percent-encoding is no UTF-8", "%C3=1"],
];

/** Any character of the language, marks with a meaning in the list and lone surrogates among them. */
const unit = fc.oneof(
  fc.constantFrom("(", ")", ",", ";", "=", "%", '"', "\\", " "),
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  fc.integer({ min: 0xd800, max: 0xdfff }).map((code) => String.fromCharCode(code)),
);

const entries = (baggage: ReturnType<typeof propagation.getBaggage>): [string, string][] =>
  (baggage?.getAllEntries() ?? []).map(([key, { value }]) => [key, value]);

for (const [reader, read] of readers) {
  const held = (headers: TextHeaders): [string, string][] =>
    entries(propagation.getBaggage(read(headers)));

  for (const [what, header, expected] of VALID) {
    test(`${reader}: read is ${what}`, () => {
      assert.deepEqual(held({ baggage: header }), Object.entries(expected));
    });
  }

  for (const [what, member] of DROPPED) {
    test(`${reader}: a member with ${what} is dropped, and the others stay`, () => {
      assert.deepEqual(held({ baggage: `a=1,${member},b=2` }), [
        ["a", "1"],
        ["b", "2"],
      ]);
    });
  }

  test(`${reader}: properties are kept`, () => {
    const entry = propagation.getBaggage(read({ baggage: "k=v;ttl=30;\tprivate" }))?.getEntry("k");
    assert.equal(entry?.value, "v");
    assert.equal(entry.metadata?.toString(), "ttl=30;\tprivate");
  });

  test(`${reader}: properties that break the grammar are dropped, and their member stays`, () => {
    for (const properties of ['p="q"', "p=\\", "\u00e9", ""]) {
      const entry = propagation.getBaggage(read({ baggage: `k=v;${properties}` }))?.getEntry("k");
      assert.deepEqual([entry?.value, entry?.metadata], ["v", undefined], properties);
    }
  });

  test(`${reader}: 64 members are kept, and no more`, () => {
    const members = Array.from({ length: 70 }, (_, at) => `k${at}=v`);
    const kept = held({ baggage: members.join(",") });
    assert.deepEqual(
      kept.map(([key]) => key),
      Array.from({ length: 64 }, (_, at) => `k${at}`),
    );
  });

  test(`${reader}: 8,192 bytes are kept, and the member that would pass them is not`, () => {
    const whole = `a=${"v".repeat(8186)},b=2`;
    assert.equal(whole.length, 8192);
    assert.deepEqual(
      held({ baggage: whole }).map(([key]) => key),
      ["a", "b"],
    );
    assert.deepEqual(
      held({ baggage: `${whole}2` }).map(([key]) => key),
      ["a"],
    );
  });

  test(`${reader}: a header that is repeated is one list`, () => {
    assert.deepEqual(held({ baggage: ["a=1", "b=2,c=3"] }), [
      ["a", "1"],
      ["b", "2"],
      ["c", "3"],
    ]);
  });

  test(`${reader}: baggage is read whatever became of traceparent`, () => {
    for (const traceparent of [
      TRACEPARENT,
      "00-garbage",
      `00-${"0".repeat(32)}-${"0".repeat(16)}-00`,
    ]) {
      assert.deepEqual(held({ traceparent, baggage: "a=1" }), [["a", "1"]]);
    }
  });

  test(`${reader}: nothing that holds is no baggage`, () => {
    for (const baggage of ["", ",", "no equals sign", "\u0000", "%zz=1"]) {
      assert.equal(propagation.getBaggage(read({ baggage })), undefined, JSON.stringify(baggage));
    }
  });

  test(`${reader}: whatever is set comes back after it was sent`, () => {
    const text = fc.string({ unit, minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.dictionary(text, text, { maxKeys: 5 }), (values) => {
        const set = Object.fromEntries(
          Object.entries(values).map(([key, value]): [string, BaggageEntry] => [key, { value }]),
        );
        const context = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage(set));
        const sent = injectContext({}, context) as TextHeaders;
        // A lone surrogate has no UTF-8: its member alone can't be sent.
        const sendable = Object.entries(values).filter((pair) =>
          pair.every((part) => part.isWellFormed()),
        );
        assert.deepEqual(held(sent), sendable);
      }),
    );
  });
}

/** What both of our writers send for these entries. */
function sentFor(set: Record<string, BaggageEntry>): string | undefined {
  const context = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage(set));
  const carrier: Record<string, string> = {};
  w3cPropagator().inject(context, carrier, {
    set: (headers, name, value) => {
      (headers as Record<string, string>)[name] = value;
    },
  });
  assert.deepEqual(injectContext({}, context), carrier);
  return carrier["baggage"];
}

test("at most 64 members are sent", () => {
  const set = Object.fromEntries(Array.from({ length: 70 }, (_, at) => [`k${at}`, { value: "v" }]));
  assert.equal(sentFor(set)?.split(",").length, 64);
});

test("at most 8,192 bytes are sent, and a member that fits after one that does not is sent", () => {
  const sent = sentFor({
    a: { value: "v".repeat(8000) },
    b: { value: "v".repeat(1000) },
    c: { value: "3" },
  });
  assert.equal(sent, `a=${"v".repeat(8000)},c=3`);
  assert.equal(sentFor({ a: { value: "v".repeat(8190) } })?.length, 8192);
  assert.equal(sentFor({ a: { value: "v".repeat(8191) } }), undefined);
});

test("properties are sent, unless they would end the member that they belong to", () => {
  const metadata = baggageEntryMetadataFromString("ttl=30;private");
  assert.equal(sentFor({ k: { value: "v", metadata } }), "k=v;ttl=30;private");
  const breaking = baggageEntryMetadataFromString("x,injected=1");
  assert.equal(sentFor({ k: { value: "v", metadata: breaking } }), "k=v");
});

test("a member that has no UTF-8 is left out, and the others are sent", () => {
  assert.equal(
    sentFor({ a: { value: "1" }, b: { value: "\ud800" }, c: { value: "3" } }),
    "a=1,c=3",
  );
});

test("a key with brackets, which are no part of a token, is sent encoded", () => {
  assert.equal(sentFor({ "a(b)": { value: "1" } }), "a%28b%29=1");
});

test("a baggage without members sends no header", () => {
  assert.equal(sentFor({}), undefined);
});

test("what is sent on is what was kept, not what came in", () => {
  const sent = (baggage: string): unknown =>
    (injectContext({}, contextOf({ headers: { baggage } })) as TextHeaders)["baggage"];
  assert.equal(sent(" a = 1 ,no equals sign,b=2;p=1"), "a=1,b=2;p=1");
  const members = Array.from({ length: 70 }, (_, at) => `k${at}=v`);
  assert.equal(sent(members.join(",")), members.slice(0, 64).join(","));
});

test("baggage is sent without a span too", () => {
  const context = contextOf({ headers: { baggage: "a=1" } });
  assert.deepEqual(injectContext({}, context), { baggage: "a=1" });
});
