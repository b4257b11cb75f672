import assert from "node:assert/strict";
import { test } from "node:test";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Span } from "../src/engine/span.ts";
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

function one(decoded: Decoded): Span {
  assert.equal(decoded.spans.length, 1);
  return decoded.spans[0] as Span;
}

/** A JSON body of one span. */
function json(span: object): Buffer {
  const spans = [{ traceId: TRACE_ID, spanId: SPAN_ID, ...span }];
  return Buffer.from(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
}

test("every kind of attribute value is read, from both forms alike", () => {
  const values = {
    text: { stringValue: "é" },
    yes: { boolValue: true },
    no: { boolValue: false },
    int: { intValue: "-42" },
    large: { intValue: "9007199254740993" },
    double: { doubleValue: 0.5 },
    bytes: { bytesValue: "AQI=" },
    list: { arrayValue: { values: [{ stringValue: "a" }, { intValue: 1 }] } },
    pairs: { kvlistValue: { values: [{ key: "k", value: { stringValue: "v" } }] } },
    none: {},
  };
  const expected = new Map<string, unknown>([
    ["text", "é"],
    ["yes", true],
    ["no", false],
    ["int", -42],
    ["large", 9007199254740993n],
    ["double", 0.5],
    ["bytes", new Uint8Array([1, 2])],
    ["list", ["a", 1]],
    ["pairs", new Map([["k", "v"]])],
    ["none", null],
  ]);
  const attributes = Object.entries(values).map(([key, value]) => ({ key, value }));
  assert.deepEqual(one(decodeJson(json({ attributes }))).attributes, expected);

  const body = request(
    "s",
    aSpan((span) => {
      pair(span, 9, "text", (value) => text(value, 1, "é"));
      pair(span, 9, "yes", (value) => varint(value, 2, 1));
      pair(span, 9, "no", (value) => varint(value, 2, 0));
      pair(span, 9, "int", (value) => varint(value, 3, -42));
      pair(span, 9, "large", (value) => value.tag(3, WireType.Varint).int64("9007199254740993"));
      pair(span, 9, "double", (value) => value.tag(4, WireType.Bit64).double(0.5));
      pair(span, 9, "bytes", (value) => bytes(value, 7, "0102"));
      pair(span, 9, "list", (value) =>
        message(value, 5, (list) => {
          message(list, 1, (element) => text(element, 1, "a"));
          message(list, 1, (element) => varint(element, 3, 1));
        }),
      );
      pair(span, 9, "pairs", (value) =>
        message(value, 6, (list) => pair(list, 1, "k", (element) => text(element, 1, "v"))),
      );
      message(span, 9, (entry) => text(entry, 1, "none"));
    }),
  );
  assert.deepEqual(one(decodeProtobuf(body)).attributes, expected);
});

test("a resource that stands behind its spans is theirs all the same", () => {
  const body = new BinaryWriter();
  message(body, 1, (resourceSpans) => {
    message(resourceSpans, 2, (scopeSpans) => {
      message(scopeSpans, 2, aSpan());
      message(scopeSpans, 1, (scope) => text(scope, 1, "late"));
    });
    message(resourceSpans, 1, (resource) =>
      pair(resource, 1, "service.name", (value) => text(value, 1, "payments")),
    );
  });
  const span = one(decodeProtobuf(Buffer.from(body.finish())));
  assert.equal(span.resource.service, "payments");
  assert.equal(span.scope.name, "late");
});

test("fields that are not known are passed over, in both forms", () => {
  const body = request(
    "s",
    aSpan((span) => {
      varint(span, 500, 7);
      text(span, 501, "future");
      span.tag(502, WireType.Bit32).fixed32(1);
      span.tag(503, WireType.Bit64).fixed64(1);
      span.tag(504, WireType.StartGroup);
      varint(span, 1, 1);
      span.tag(504, WireType.EndGroup);
      text(span, 5, "name");
    }),
  );
  assert.equal(one(decodeProtobuf(body)).name, "name");
  assert.equal(one(decodeJson(json({ name: "name", future: { a: [1] } }))).name, "name");
});

test("a span without a valid id is left out, the others are taken, and the answer says why", () => {
  const bad: [string, string, string?][] = [
    ["00".repeat(16), SPAN_ID],
    [TRACE_ID, "00".repeat(8)],
    [TRACE_ID.slice(2), SPAN_ID],
    [`${TRACE_ID}00`, SPAN_ID],
    ["", SPAN_ID],
    [TRACE_ID, SPAN_ID, "0102"],
  ];
  for (const [traceId, spanId, parentSpanId = ""] of bad) {
    const spans = [
      { traceId, spanId, parentSpanId },
      { traceId: TRACE_ID, spanId: SPAN_ID },
    ];
    const asProtobuf = request(
      "s",
      ...spans.map((each) => (writer: BinaryWriter) => {
        bytes(writer, 1, each.traceId);
        bytes(writer, 2, each.spanId);
        bytes(writer, 4, each.parentSpanId ?? "");
      }),
    );
    const asJson = Buffer.from(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
    if (traceId.length <= 32) assert.equal(decodeJson(asJson).rejected, 1, traceId);
    const decoded = decodeProtobuf(asProtobuf);
    assert.equal(decoded.rejected, 1);
    assert.match(decoded.reason, /^a span's (trace_id|span_id|parent_span_id) is not /);
    assert.equal(one(decoded).spanId, SPAN_ID);
  }
});

test("a parent of zeros is no parent", () => {
  const zeros = "00".repeat(8);
  assert.equal(one(decodeJson(json({ parentSpanId: zeros }))).parentSpanId, undefined);
  const body = request(
    "s",
    aSpan((span) => bytes(span, 4, zeros)),
  );
  assert.equal(one(decodeProtobuf(body)).parentSpanId, undefined);
});

test("ids in JSON are hex in any case, and nothing else", () => {
  const span = one(decodeJson(json({ traceId: TRACE_ID.toUpperCase() })));
  assert.equal(span.traceId, TRACE_ID);
  assert.throws(() => decodeJson(json({ traceId: "S/kvNXezTaajzpKdDg5HNg==" })), MalformedBody);
});

function kindAndStatus(span: object): [string, string] {
  const { kind, status } = one(decodeJson(json(span)));
  return [kind, status];
}

test("kinds and status codes come by number or by name, and what is neither is unset", () => {
  assert.deepEqual(kindAndStatus({ kind: 5, status: { code: 2 } }), ["consumer", "error"]);
  assert.deepEqual(
    kindAndStatus({ kind: "SPAN_KIND_CONSUMER", status: { code: "STATUS_CODE_ERROR" } }),
    ["consumer", "error"],
  );
  assert.deepEqual(kindAndStatus({ kind: 77, status: { code: {} } }), ["unspecified", "unset"]);
});

test("times keep their nanoseconds", () => {
  const startTimeUnixNano = "1795453258048892189";
  assert.equal(one(decodeJson(json({ startTimeUnixNano }))).startNs, 1795453258048892189n);
  const body = request(
    "s",
    aSpan((span) => span.tag(7, WireType.Bit64).fixed64(startTimeUnixNano)),
  );
  assert.equal(one(decodeProtobuf(body)).startNs, 1795453258048892189n);
});

test("what a span has too many or too much of is left out and counted", () => {
  const body = request(
    "s",
    aSpan((span) => {
      for (let at = 0; at < 1000; at++) pair(span, 9, `k${at}`, (value) => varint(value, 3, at));
      for (let at = 0; at < 2000; at++) {
        message(span, 13, (link) => {
          bytes(link, 1, TRACE_ID);
          bytes(link, 2, SPAN_ID);
        });
      }
      message(span, 13, () => {}); // a link to nothing
      varint(span, 10, 5); // dropped by the SDK
      text(span, 5, "n".repeat(100_000));
    }),
  );
  const span = one(decodeProtobuf(body));
  assert.equal(span.attributes.size, 256);
  assert.equal(span.links.length, 1024);
  assert.equal(span.dropped, 744 + 976 + 1 + 5);
  assert.equal(span.name.length, 8193);

  const link = { traceId: TRACE_ID, spanId: SPAN_ID };
  const fromJson = one(
    decodeJson(
      json({
        attributes: Array.from({ length: 1000 }, (_, at) => ({ key: `k${at}`, value: {} })),
        links: [...Array.from({ length: 1023 }, () => link), {}, link],
        droppedAttributesCount: 5,
      }),
    ),
  );
  assert.equal(fromJson.attributes.size, 256);
  assert.equal(fromJson.links.length, 1023);
  assert.equal(fromJson.dropped, 744 + 2 + 5);
});

test("lists within lists end somewhere", () => {
  const deep = (writer: BinaryWriter, left: number): void => {
    if (left > 0) message(writer, 5, (list) => message(list, 1, (inner) => deep(inner, left - 1)));
  };
  const body = request(
    "s",
    aSpan((span) => pair(span, 9, "deep", (value) => deep(value, 500))),
  );
  const value = one(decodeProtobuf(body)).attributes.get("deep");
  assert.equal(JSON.stringify(value), `${"[".repeat(8)}null${"]".repeat(8)}`);

  let nested: object = {};
  for (let at = 0; at < 500; at++) nested = { arrayValue: { values: [nested] } };
  const fromJson = one(decodeJson(json({ attributes: [{ key: "deep", value: nested }] })));
  assert.equal(JSON.stringify(fromJson.attributes.get("deep")), JSON.stringify(value));
});

test("a key like __proto__ is a key like any other", () => {
  const attributes = [{ key: "__proto__", value: { stringValue: "x" } }];
  assert.equal(one(decodeJson(json({ attributes }))).attributes.get("__proto__"), "x");
  assert.equal(Object.hasOwn(Object.prototype, "x"), false);
});

test("what was decoded keeps nothing of the body alive", () => {
  const body = request(
    "s",
    aSpan((span) => pair(span, 9, "b", (value) => bytes(value, 7, "0102"))),
  );
  const value = one(decodeProtobuf(body)).attributes.get("b") as Uint8Array;
  body.fill(0xff);
  assert.deepEqual(value, new Uint8Array([1, 2]));
  assert.equal(value.buffer.byteLength, 2);
});

test("texts that share a slot of memory are told apart", () => {
  const names = Array.from({ length: 20_000 }, (_, at) => `name ${at}`);
  const decoded = decodeProtobuf(
    request("s", ...names.map((name) => aSpan((span) => text(span, 5, name)))),
  );
  assert.deepEqual(
    decoded.spans.map(({ name }) => name),
    names,
  );
});
