import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Engine } from "../src/engine/engine.ts";
import { type Decoded, MalformedBody } from "../src/sources/otlp/decoded.ts";
import { decodeJson } from "../src/sources/otlp/json.ts";
import { decodeProtobuf } from "../src/sources/otlp/protobuf.ts";
import {
  aSpan,
  bytes,
  message,
  pair,
  request,
  SPAN_ID,
  text,
  TRACE_ID,
  varint,
} from "./otlp-body.ts";

/** Whatever the body: spans, or the one error that says that it is none. The engine takes them. */
function survives(decode: (body: Buffer) => Decoded, body: Buffer): void {
  let decoded: Decoded;
  try {
    decoded = decode(body);
  } catch (error) {
    assert.ok(error instanceof MalformedBody, String((error as Error).stack));
    return;
  }
  const engine = new Engine();
  engine.add(decoded.spans, 0);
  for (const span of decoded.spans) {
    assert.match(span.traceId, /^[0-9a-f]{32}$/);
    assert.match(span.spanId, /^[0-9a-f]{16}$/);
    engine.tree(span.traceId);
  }
  engine.settled(1e9);
}

const VALID = request(
  "payments",
  aSpan((span) => {
    bytes(span, 4, "0102030405060708");
    text(span, 5, "process orders");
    varint(span, 6, 5);
    pair(span, 9, "messaging.system", (value) => text(value, 1, "kafka"));
    pair(span, 9, "list", (value) =>
      message(value, 5, (list) => message(list, 1, (each) => varint(each, 3, -1))),
    );
    message(span, 13, (link) => {
      bytes(link, 1, TRACE_ID);
      bytes(link, 2, SPAN_ID);
    });
    message(span, 15, (status) => {
      text(status, 2, "no");
      varint(status, 3, 2);
    });
  }),
);

test("any bytes as protobuf are spans or a malformed body", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (body) => {
      survives(decodeProtobuf, Buffer.from(body));
    }),
    { numRuns: 3000 },
  );
});

test("a valid body cut off anywhere is malformed, and never half taken", () => {
  for (let end = 1; end < VALID.length; end++) {
    assert.throws(() => decodeProtobuf(VALID.subarray(0, end)), MalformedBody, `at ${end}`);
  }
  assert.equal(decodeProtobuf(VALID).spans.length, 1);
});

test("a valid body with bytes changed, taken out or put in is survived", () => {
  const change = fc.record({
    at: fc.nat(VALID.length - 1),
    remove: fc.nat(4),
    insert: fc.uint8Array({ maxLength: 6 }),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
      let body: Buffer = VALID;
      for (const { at, remove, insert } of changes) {
        body = Buffer.concat([body.subarray(0, at), insert, body.subarray(at + remove)]);
      }
      survives(decodeProtobuf, body);
    }),
    { numRuns: 3000 },
  );
});

test("lengths and varints as large as they get are survived", () => {
  const huge = [
    "ffffffff0f",
    "ffffffff07",
    "ffffffffffffffffff01",
    "ff".repeat(12),
    "80808080808080808000",
  ];
  for (const length of huge) {
    for (const tags of ["0a", "0a05120312", "0a0912071205", "08", "a506", "0b", "0c", "0e"]) {
      survives(decodeProtobuf, Buffer.from(tags + length, "hex"));
    }
  }
});

test("a field of number 0, or one that reaches past its message, is malformed", () => {
  for (const body of ["0000", "0a020000", "0a0612041202390000", "0a0412030a0541"]) {
    assert.throws(() => decodeProtobuf(Buffer.from(body, "hex")), MalformedBody, body);
  }
});

test("groups within groups end in a malformed body", () => {
  survives(decodeProtobuf, Buffer.from("0b".repeat(100_000), "hex"));
  survives(decodeProtobuf, Buffer.from("0b".repeat(5) + "0c".repeat(5), "hex"));
});

test("any JSON is spans or a malformed body", () => {
  fc.assert(
    fc.property(fc.json(), (body) => survives(decodeJson, Buffer.from(body))),
    { numRuns: 1000 },
  );
});

test("JSON of the right names and any values is survived", () => {
  const names = [
    "resourceSpans",
    "resource",
    "scopeSpans",
    "scope",
    "spans",
    "traceId",
    "spanId",
    "parentSpanId",
    "traceState",
    "name",
    "kind",
    "startTimeUnixNano",
    "attributes",
    "key",
    "value",
    "stringValue",
    "intValue",
    "doubleValue",
    "boolValue",
    "bytesValue",
    "arrayValue",
    "kvlistValue",
    "values",
    "links",
    "status",
    "code",
    "message",
    "flags",
    "droppedAttributesCount",
  ];
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 7, withCrossShrink: true },
      fc.constantFrom<unknown>(null, true, 0, -1.5, 1e300, "", "12", "x", TRACE_ID, SPAN_ID),
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names), tie("tree"), { maxKeys: 6 }),
    ),
  }));
  const body = tree.map((span) => ({
    resourceSpans: [
      { scopeSpans: [{ spans: [{ traceId: TRACE_ID, spanId: SPAN_ID, ...Object(span) }] }] },
    ],
  }));
  fc.assert(
    fc.property(fc.oneof(tree, body), (value) => {
      survives(decodeJson, Buffer.from(JSON.stringify(value)));
    }),
    { numRuns: 3000 },
  );
});

test("JSON nested as deep as a body allows is survived", () => {
  for (const [open, close] of [
    ["[", "]"],
    ['{"resourceSpans":[', "]}"],
    ['{"a":', "}"],
  ] as const) {
    const depth = 200_000;
    survives(decodeJson, Buffer.from(open.repeat(depth) + close.repeat(depth)));
    survives(decodeJson, Buffer.from(open.repeat(depth)));
  }
});

test("bytes that are no UTF-8 are survived in both forms", () => {
  const body = request(
    "s",
    aSpan((span) => bytes(span, 5, "ff00c328fe")),
  );
  assert.match(decodeProtobuf(body).spans[0]?.name ?? "", /\uFFFD/);
  survives(decodeJson, Buffer.from([0x7b, 0xff, 0x7d]));
});
