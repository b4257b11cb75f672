// What is read of @platformatic/kafka's messages, and what its producer is given in their place: over
// one that only takes note of it.
import { context, ROOT_CONTEXT, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Producer } from "@platformatic/kafka";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { contextOf, traced } from "throughline/platformatic";
import { type Tracing, tracing } from "./sdk.ts";

let sdk: Tracing;
beforeEach(() => {
  sdk = tracing();
});
afterEach(() => sdk.shutdown());

const traceparentOf = (of: string): string => `00-${of.repeat(32)}-${of.repeat(16)}-01`;

type Callback = (error: Error | null, result?: unknown) => void;

class Noting {
  readonly given: Record<string, unknown>[] = [];
  refuses: Error | undefined;
  asStream(): void {}
  send({ messages }: { messages: Record<string, unknown>[] }, callback?: Callback): unknown {
    if (this.refuses !== undefined) throw this.refuses;
    this.given.push(...messages);
    // As from a connection's own context, which is any other call's.
    if (callback === undefined) return Promise.resolve({});
    return void setImmediate(() => context.with(ROOT_CONTEXT, callback, undefined, null, {}));
  }
}
function producing(): { noting: Noting; producer: Producer<string, string, string, string> } {
  const noting = new Noting();
  return {
    noting,
    producer: traced(noting as unknown as Producer<string, string, string, string>),
  };
}

test("a repeated context is seen in headerEntries, where the Map of headers holds but the last", () => {
  const entries = ["1", "2"].map((of) => ["traceparent", traceparentOf(of)] as const);
  const message = { headers: new Map(entries), headerEntries: entries };
  assert.equal(trace.getSpanContext(contextOf(message)), undefined);
  const once = { headers: message.headers };
  assert.equal(trace.getSpanContext(contextOf(once))?.traceId, "2".repeat(32));
});

test("each field that the client knows of a message is given to it, and each topic has a send of its own", async () => {
  const { noting, producer } = producing();
  const all = { key: "k", value: "1", partition: 2, timestamp: 1000n, metadata: { order: 42 } };
  const messages = [
    { topic: "orders", ...all },
    { topic: "letters", value: "2" },
  ];
  await producer.send({ messages });
  const [order, letter] = noting.given;
  const { headers, ...others } = order ?? {};
  assert.ok(headers instanceof Map);
  assert.deepEqual(others, messages[0]);
  assert.ok(letter?.["headers"] instanceof Map);
  const names = sdk.spans().map(({ name }) => name);
  assert.deepEqual(
    new Set(names.filter((name) => name.startsWith("send"))),
    new Set(["send orders", "send letters"]),
  );
});

test("the callback of a send runs in its caller's context, wherever the client calls it from", async () => {
  const { producer } = producing();
  const messages = [{ topic: "orders", value: "1" }];
  await trace.getTracer("application").startActiveSpan("caller", async (caller) => {
    const active = new Promise((resolve) => {
      producer.send({ messages }, () => resolve(trace.getActiveSpan()));
    });
    assert.equal(await active, caller);
    caller.end();
  });
});

test("a send with a callback that throws ends its span with that error", () => {
  const { noting, producer } = producing();
  const refused = new Error("closed");
  noting.refuses = refused;
  const messages = [{ topic: "orders", value: "1" }];
  assert.throws(
    () => producer.send({ messages }, () => {}),
    (thrown) => thrown === refused,
  );
  assert.deepEqual(sdk.open(), []);
  assert.equal(sdk.spans()[0]?.status.code, SpanStatusCode.ERROR);
});
