// What a dead letter is: the message itself, with headers that say what failed and where it came
// from. Which trace it is in: dead-letter-trace.test.ts.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import * as fc from "fast-check";
import { deadLetter as anyDeadLetter, processMessage as processAny } from "throughline";
import {
  deadLetter,
  deadLetterOf,
  type DeadLetter,
  type DeadLetterOptions,
  processMessage,
  traced,
} from "throughline/kafkajs";
import { tracing, type Tracing } from "./sdk.ts";
import { header, record, stubConsumer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const at = { system: "kafka", destination: "orders" };
const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/** The letter that a traced consumer's handler makes of a message. */
async function parked(
  message: ReturnType<typeof record>,
  error: unknown,
  options?: DeadLetterOptions,
): Promise<DeadLetter> {
  const incoming = stubConsumer();
  let letter: DeadLetter | undefined;
  await traced(incoming.client, { groupId: "payments" }).run({
    eachMessage: async (payload) => {
      letter = deadLetter(payload.message, error, options);
    },
  });
  await incoming.deliver(message, { topic: "orders", partition: 3 });
  return letter as DeadLetter;
}

test("it is the message, with its headers and what failed, where and when, as text", async () => {
  const fields = { key: Buffer.from("k"), offset: "9007199254740993", timestamp: "1700000000123" };
  const message = record({ tenant: "a", traceparent: TRACEPARENT, baggage: "user=7" }, fields);
  const error = Object.assign(new Error("card declined"), { code: "E_CARD" });
  const letter = await parked(message, error);
  assert.equal(letter.key, message.key);
  assert.equal(letter.value, message.value);
  assert.deepEqual(Object.keys(letter), ["key", "value", "headers"]);
  const { traceparent, ...headers } = letter.headers;
  const attempt = observed.spans()[0]?.spanContext();
  assert.equal(traceparent, `00-${attempt?.traceId}-${attempt?.spanId}-01`);
  assert.deepEqual(headers, {
    tenant: Buffer.from("a"),
    "dlq.origin.destination": "orders",
    "dlq.origin.partition": "3",
    "dlq.origin.offset": "9007199254740993",
    "dlq.origin.timestamp": "1700000000123",
    "dlq.origin.group": "payments",
    "dlq.error.type": "E_CARD",
    "dlq.error.message": "card declined",
    "dlq.attempts": "1",
    "dlq.failed": traceparent,
    baggage: "user=7",
  });
});

test("what is written is what is read back", async () => {
  const letter = await parked(record({}, { offset: "42", timestamp: "1700000000123" }), "broken");
  assert.deepEqual(deadLetterOf(letter), {
    convention: "throughline",
    destination: "orders",
    partition: "3",
    offset: "42",
    timestampMs: 1_700_000_000_123,
    group: "payments",
    errorType: "_OTHER",
    errorMessage: "broken",
    attempts: 1,
    failed: letter.headers["dlq.failed"],
  });
});

test("what is not known of its origin is left out", () => {
  const letter = deadLetter({ key: null, value: null }, new TypeError("x"));
  assert.deepEqual(letter, {
    key: null,
    value: null,
    headers: { "dlq.error.type": "TypeError", "dlq.error.message": "x", "dlq.attempts": "1" },
  });
});

test("an error's message is cut to 1 KiB of UTF-8, inside no character", () => {
  for (const character of ["a", "é", "€", "😀"]) {
    const bytes = Buffer.byteLength(character);
    for (let before = 0; before < bytes; before++) {
      const message = "a".repeat(before) + character.repeat(1024);
      const text = header(anyDeadLetter({}, new Error(message)), "dlq.error.message") as string;
      assert.ok(message.startsWith(text), `${character} after ${before}: cut inside`);
      const length = Buffer.byteLength(text);
      assert.ok(length <= 1024 && length > 1024 - bytes, `${character} after ${before}: ${length}`);
    }
  }
});

test("any error's message is cut to a beginning of it, and a short one is whole", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 1200, size: "max" }), (message) => {
      const text = header(anyDeadLetter({}, new Error(message)), "dlq.error.message") as string;
      if (Buffer.byteLength(message) <= 1024) assert.equal(text, message);
      assert.ok(message.startsWith(text));
      assert.ok(Buffer.byteLength(text) <= 1024);
    }),
    { endOnFailure: true },
  );
});

test("errorMessage: false keeps it out, and the type stays", async () => {
  const letter = await parked(record(), new TypeError("secret"), { errorMessage: false });
  assert.equal("dlq.error.message" in letter.headers, false);
  assert.equal(letter.headers["dlq.error.type"], "TypeError");
});

test("whatever was thrown, there is a letter", () => {
  const unreadable = Object.defineProperty(new Error("x"), "message", {
    get: () => assert.fail("message"),
  });
  for (const [thrown, text] of [
    [undefined, "undefined"],
    [null, "null"],
    [7, "7"],
    [Symbol("s"), "Symbol(s)"],
    [Object.create(null), ""],
    [unreadable, ""],
  ] as const) {
    assert.equal(header(anyDeadLetter({}, thrown), "dlq.error.message"), text);
  }
});

test("a message whose place or time can't be read has a letter without it", async () => {
  const unreadable = (name: string): object => ({
    get: () => {
      throw new Error(`no ${name}`);
    },
    enumerable: true,
  });
  for (const name of ["offset", "timestamp"]) {
    const message = Object.defineProperty(record({}), name, unreadable(name));
    const letter = await parked(message, new Error("x"));
    assert.equal(header(letter, `dlq.origin.${name}`), undefined, name);
    assert.equal(header(letter, "dlq.origin.destination"), "orders", name);
    assert.equal(header(letter, "dlq.error.message"), "x", name);
  }
});

test("dlq.attempts is how often handling that message has failed here, or what it is told", async () => {
  const message = record();
  for (const attempts of [1, 2]) {
    assert.throws(() => processMessage(message, () => assert.fail("again"), at));
    assert.equal(deadLetter(message, "x").headers["dlq.attempts"], String(attempts));
  }
  processMessage(message, () => {
    assert.equal(deadLetter(message, "x").headers["dlq.attempts"], "3");
  });
  assert.equal(deadLetter(message, "x", { attempts: 7 }).headers["dlq.attempts"], "7");
  assert.equal(deadLetter(record(), "x").headers["dlq.attempts"], "1");
});

test("headers keep the shape they came in, and neither they nor the message are written to", () => {
  const pairs = [["tenant", "a"]] as const;
  for (const headers of [new Map(pairs), pairs, [{ tenant: "a" }], { tenant: "a" }]) {
    const before = structuredClone(headers);
    const message = Object.freeze({ body: "b", headers: Object.freeze(headers) });
    const letter = processAny(message, () => anyDeadLetter(message, "x"), {
      system: "nats",
      destination: "orders",
    }) as { body: string; headers: object };
    assert.equal(letter.body, "b");
    assert.equal(Array.isArray(letter.headers), Array.isArray(headers));
    assert.equal(letter.headers instanceof Map, headers instanceof Map);
    assert.equal(deadLetterOf(letter)?.destination, "orders");
    assert.deepEqual(headers, before);
  }
});

test("parked again, it tells each thing once, and nothing of the attempt before, in every layout of headers", () => {
  const first = [
    ["dlq.origin.destination", "orders"],
    ["dlq.error.type", "RangeError"],
    ["dlq.failed", TRACEPARENT],
    ["tenant", "a"],
  ] as const;
  const layouts = [
    first,
    new Map(first),
    Object.fromEntries(first),
    first.map(([name, text]) => ({ [name]: text })),
  ];
  for (const headers of layouts) {
    const letter = anyDeadLetter({ headers }, new TypeError("again")) as { headers: object };
    const names = Array.isArray(letter.headers)
      ? letter.headers.map((each: object) => (Array.isArray(each) ? each[0] : Object.keys(each)[0]))
      : [...(letter.headers instanceof Map ? letter.headers.keys() : Object.keys(letter.headers))];
    assert.deepEqual(names.toSorted(), [
      "dlq.attempts",
      "dlq.error.message",
      "dlq.error.type",
      "dlq.origin.destination",
      "tenant",
    ]);
    assert.equal(deadLetterOf(letter)?.errorType, "TypeError");
    assert.equal(deadLetterOf(letter)?.destination, "orders");
  }
});

test("a header without a value becomes an empty one: kafkajs refuses to send null", async () => {
  const message = record({ flag: null });
  Object.assign(message.headers as object, { twice: [Buffer.from("a"), null] });
  const { headers } = await parked(message, "x");
  assert.equal(headers["flag"], "");
  assert.deepEqual(headers["twice"], [Buffer.from("a"), ""]);
});
