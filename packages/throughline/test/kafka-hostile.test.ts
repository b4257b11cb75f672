import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { after, before, beforeEach, describe, test } from "node:test";
import * as fc from "fast-check";
import * as confluent from "throughline/confluent";
import * as platformatic from "throughline/platformatic";
import * as rdkafka from "throughline/rdkafka";
import { anyHeaders } from "./any-headers.ts";
import { snapshot } from "./host-snapshot.ts";
import { tracing, type Tracing } from "./sdk.ts";

// Whatever a record, a message to send or the application's own serializers hold: nothing is thrown
// that the client would not throw, and nothing of the application's is written to. The clients are
// stubs here, which take note of what they are given.

const RUNS = { numRuns: 300 };
const OWN = new Set(["traceparent", "tracestate", "baggage"]);
const anyName = fc.oneof(
  fc.constantFrom(...OWN, "TraceParent", "tenant", "__proto__"),
  fc.string(),
);
const bytes = fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw));
const anyKey = fc.oneof(fc.string(), bytes, fc.constantFrom(null, undefined), fc.anything());

/** Mostly what the client takes, and at times anything at all. */
function mostly<Taken>(taken: fc.Arbitrary<Taken>, other: fc.Arbitrary<unknown> = fc.anything()) {
  return fc.oneof({ weight: 9, arbitrary: taken }, { weight: 1, arbitrary: other });
}
const anyText = fc.oneof(fc.string(), bytes);
const textHeaders = fc.dictionary(anyName, anyText, { maxKeys: 5 });

/** How many of what was sent was given to the client with context. */
let carrying = 0;
let sdk: Tracing;
before(() => {
  sdk = tracing();
});
after(() => sdk.shutdown());
beforeEach(() => (carrying = 0));
const assertSome = (): void => assert.ok(carrying > 30, `${carrying} of ${RUNS.numRuns}`);

/** Handles and parks a message in every way that a subpath has. */
function handle(subpath: typeof platformatic, message: object, delivery?: object): void {
  const before = snapshot(message);
  const error = new RangeError("too big");
  const at = delivery as { system: string; destination: string };
  assert.equal(
    subpath.processMessage(message, (given) => given, at),
    message,
  );
  assert.equal(
    subpath.processBatch([message, {}], (given) => given.length, at),
    2,
  );
  assert.equal(typeof subpath.contextOf(message).getValue, "function");
  const letter = subpath.deadLetter(message as never, error);
  assert.equal(subpath.deadLetterOf(letter)?.errorType, "RangeError");
  subpath.deadLetterOf(message);
  assert.deepEqual(snapshot(message), before);
}

describe("a consumed record that holds anything", () => {
  const consumed = fc.record(
    {
      topic: fc.oneof(fc.string(), fc.anything()),
      partition: fc.oneof(fc.nat(), fc.anything()),
      offset: fc.oneof(fc.bigInt(), fc.nat(), fc.string(), fc.anything()),
      timestamp: fc.anything(),
      key: anyKey,
      value: anyKey,
      headers: anyHeaders,
    },
    { requiredKeys: [] },
  );
  const entries = fc.array(fc.tuple(fc.oneof(anyName, bytes, fc.anything()), fc.anything()));
  const platformaticRecord = fc
    .tuple(
      consumed,
      fc.record(
        {
          headerEntries: fc.oneof(entries, anyHeaders),
          metadata: fc.oneof(fc.anything(), fc.record({ consumer: fc.anything() })),
        },
        { requiredKeys: [] },
      ),
    )
    .map(([record, more]) => ({ ...record, ...more }));

  for (const [name, subpath, records] of [
    ["platformatic", platformatic, platformaticRecord],
    ["confluent", confluent as unknown as typeof platformatic, consumed],
    ["rdkafka", rdkafka as unknown as typeof platformatic, consumed],
  ] as const) {
    test(`throughline/${name} handles it once, parks it, and does not write to it`, () => {
      fc.assert(
        fc.property(records, fc.boolean(), (record, told) => {
          handle(subpath, record, told ? { system: "kafka", destination: "orders" } : undefined);
        }),
        { ...RUNS, examples: [[{ topic: "", partition: { toString: "" } }, false]] },
      );
      assert.equal(sdk.open().length, 0);
    });
  }

  test("a traced classic consumer hands it to each listener as it is", () => {
    class Bare extends EventEmitter {
      globalConfig = { "group.id": "payments" };
      consume(): void {}
      subscribe(): void {}
    }
    const bare = new Bare();
    const handed: unknown[] = [];
    const consumer = rdkafka.traced(bare as never) as unknown as Bare;
    consumer.on("data", (record: unknown) => handed.push(record));
    fc.assert(
      fc.property(fc.oneof(consumed, fc.anything()), (record) => {
        const before = snapshot(record);
        bare.emit("data", record);
        assert.ok(handed.length === 1 && Object.is(handed.pop(), record));
        assert.deepEqual(snapshot(record), before);
      }),
      RUNS,
    );
    assert.equal(sdk.open().length, 0);
  });
});

describe("a message for @platformatic/kafka that holds anything", () => {
  type Sent = { topic: unknown; key: unknown; value: unknown; headers: unknown };
  const anySerializer = fc.oneof(
    fc.constantFrom<unknown>(
      (text?: string) => text && Buffer.from(text),
      (raw?: Buffer) => raw,
      () => {
        throw new RangeError("no such header");
      },
      undefined,
    ),
    fc.func(fc.anything()),
    fc.anything(),
  );
  const mapOf = (name: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.array(fc.tuple(name, fc.anything())).map((pairs) => new Map(pairs));
  const message = fc.record(
    {
      topic: mostly(fc.constantFrom("orders", "letters")),
      key: anyKey,
      value: anyKey,
      partition: fc.anything(),
      timestamp: fc.anything(),
      metadata: fc.anything(),
      headers: mostly(
        fc.oneof(textHeaders, mapOf(fc.oneof(anyName, bytes, fc.anything()))),
        anyHeaders,
      ),
      own: fc.anything(),
    },
    { requiredKeys: ["topic"] },
  );
  const options = mostly(
    fc.record({ messages: fc.array(message, { maxLength: 3 }), acks: fc.anything() }),
    fc.oneof(fc.record({ messages: fc.array(mostly(message)) }), fc.anything()),
  );

  class Bare {
    readonly clientId = "fuzz";
    readonly calls: unknown[] = [];
    constructor(serializers: unknown) {
      Object.assign(this, { [Symbol("plt.kafka.base.options")]: serializers });
    }
    asStream(): void {}
    send(given: unknown): object {
      this.calls.push(given);
      return this.calls;
    }
  }

  test("it is sent once, its parts as they are, whatever the serializers do, and nothing is written to", () => {
    fc.assert(
      fc.property(
        options,
        fc.oneof(
          fc.record({
            serializers: fc.record({ headerKey: anySerializer, headerValue: anySerializer }),
          }),
          fc.record({ registry: fc.record({ getSerializers: anySerializer }) }),
          fc.anything(),
        ),
        (given, base) => {
          const before = snapshot(given);
          const bare = new Bare(base);
          const producer = platformatic.traced(bare as never) as unknown as Bare;
          assert.equal(producer.send(given), bare.calls);
          assert.deepEqual(snapshot(given), before);
          assert.equal(bare.calls.length, 1);
          const [sent] = bare.calls;
          if (Object.is(sent, given)) return;
          carrying += 1;
          const pairs = (given as { messages: Sent[] }).messages.map(
            (each, at) => [each, (sent as { messages: Sent[] }).messages[at]] as const,
          );
          for (const [one, other] of pairs) {
            for (const name of [
              "topic",
              "key",
              "value",
              "partition",
              "timestamp",
              "own",
            ] as const) {
              assert.ok(
                Object.is(Reflect.get(Object(other), name), Reflect.get(Object(one), name)),
              );
            }
            assert.deepEqual(others(other?.headers), others(one.headers));
          }
        },
      ),
      RUNS,
    );
    assertSome();
    assert.equal(sdk.open().length, 0);
  });

  /** The headers that are no trace context, in their order. */
  function others(headers: unknown): unknown[] {
    const pairs: [unknown, unknown][] =
      headers instanceof Map
        ? [...(headers as Map<unknown, unknown>)]
        : Object.entries(Object(headers ?? {}) as object);
    return pairs.filter(([name]) => !OWN.has(textOf(name)));
  }

  function textOf(name: unknown): string {
    if (typeof name === "string") return name.toLowerCase();
    return ArrayBuffer.isView(name)
      ? Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString().toLowerCase()
      : "";
  }
});

describe("what librdkafka's classic producers may be given", () => {
  const single = fc.tuple(anyName, fc.anything()).map(([name, value]) =>
    Object.defineProperty({}, name, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    }),
  );
  const list = fc.oneof(
    textHeaders.map((headers) => Object.entries(headers).map(([name, text]) => ({ [name]: text }))),
    fc.array(single, { maxLength: 5 }),
    fc.array(mostly(single), { maxLength: 5 }),
    anyHeaders,
  );
  const topic = mostly(fc.constant("orders"));
  const args = fc.tuple(topic, fc.anything(), anyKey, anyKey, fc.anything());

  class Bare {
    calls: unknown[][] = [];
    poll(): void {}
    produce(...given: unknown[]): object {
      this.calls.push(given);
      return this.calls;
    }
  }
  class HighLevel extends Bare {
    setValueSerializer(): void {}
  }

  for (const [name, subpath] of [
    ["confluent", confluent],
    ["rdkafka", rdkafka],
  ] as const) {
    const tracedBy = subpath.traced as unknown as <Client extends object>(client: Client) => Client;

    test(`throughline/${name} gives produce() its arguments as they are, but for context in new headers`, () => {
      fc.assert(
        fc.property(args, list, fc.anything(), (given, headers, opaque) => {
          const before = snapshot(headers);
          const bare = new Bare();
          assert.equal(tracedBy(bare).produce(...given, opaque, headers), bare.calls);
          assert.deepEqual(snapshot(headers), before);
          assertGiven(bare.calls, [...given, opaque], headers);
        }),
        RUNS,
      );
      assertSome();
    });

    test(`throughline/${name} gives the high-level produce() the same, and its callback what it is told`, () => {
      fc.assert(
        fc.property(args, list, fc.anything(), (given, headers, answer) => {
          const before = snapshot(headers);
          const bare = new HighLevel();
          const told: unknown[] = [];
          const callback = (...answered: unknown[]): void => void told.push(...answered);
          tracedBy(bare).produce(...given, headers, callback);
          assert.deepEqual(snapshot(headers), before);
          const [called = []] = bare.calls;
          (called.at(-1) as typeof callback)(answer, 7);
          assert.ok(told.length === 2 && Object.is(told[0], answer) && told[1] === 7);
          assertGiven([called.slice(0, -1)], given, headers);
        }),
        RUNS,
      );
      assertSome();
      assert.equal(sdk.open().length, 0);
    });
  }

  /** The arguments of the one call; its headers are those given, or a list that begins with them. */
  function assertGiven(calls: unknown[][], expected: unknown[], headers: unknown): void {
    assert.equal(calls.length, 1);
    const [call = []] = calls;
    assert.equal(call.length, expected.length + 1);
    expected.forEach((each, at) => assert.ok(Object.is(call[at], each), `argument ${at}`));
    const sent = call.at(-1);
    if (Object.is(sent, headers)) return;
    carrying += 1;
    const kept = (of: unknown): unknown[] =>
      ((of ?? []) as object[])
        .map((header) => Object.entries(header)[0] as [string, unknown])
        .filter(([name]) => !OWN.has(name.toLowerCase()));
    assert.deepEqual(kept(sent), kept(headers));
  }
});

test("what Confluent's promised producer may be given is sent once, as it is, and nothing is written to", () => {
  const message = fc.record(
    {
      key: anyKey,
      value: anyKey,
      partition: fc.anything(),
      timestamp: fc.anything(),
      headers: mostly(textHeaders, anyHeaders),
    },
    { requiredKeys: [] },
  );
  const record = mostly(
    fc.record({
      topic: mostly(fc.constant("orders")),
      messages: fc.array(mostly(message), { maxLength: 3 }),
    }),
  );
  class Bare {
    calls: unknown[] = [];
    send(given: unknown): object {
      this.calls.push(given);
      return this.calls;
    }
    sendBatch(given: unknown): object {
      return this.send(given);
    }
  }
  fc.assert(
    fc.property(record, fc.boolean(), (given, together) => {
      const bare = new Bare();
      const producer = confluent.traced(bare as never) as unknown as Bare;
      const argument = together ? { topicMessages: [given] } : given;
      const before = snapshot(argument);
      const answer = together ? producer.sendBatch(argument) : producer.send(argument);
      assert.equal(answer, bare.calls);
      assert.deepEqual(snapshot(argument), before);
      assert.equal(bare.calls.length, 1);
      const [call] = bare.calls as [{ topicMessages?: unknown[] }];
      const sent: unknown = together ? call.topicMessages?.[0] : call;
      if (Object.is(sent, given)) return;
      carrying += 1;
      const [one, other] = [given, sent] as { topic: unknown; messages: object[] }[];
      assert.ok(Object.is(one?.topic, other?.topic));
      one?.messages.forEach((each, at) => {
        for (const name of ["key", "value", "partition", "timestamp"]) {
          const held: unknown = Reflect.get(other?.messages[at] as object, name);
          assert.ok(Object.is(held, Reflect.get(each, name)), name);
        }
      });
    }),
    RUNS,
  );
  assertSome();
  assert.equal(sdk.open().length, 0);
});
