import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../src/engine/engine.ts";
import { severedFrom } from "../src/engine/severed.ts";
import type { Span } from "../src/engine/span.ts";
import { handled, sent, traceIdOf } from "./spans.ts";

const KEY = "messaging.kafka.message.key";
const DESTINATION = "messaging.destination.name";
const order = (key: string): Record<string, string> => ({ [KEY]: key });
const letter = (key: string): Record<string, string> => ({ [KEY]: key, [DESTINATION]: "dlq" });

function partsOf(delivery: Span, ...others: Span[]): string[] {
  const engine = new Engine();
  engine.add([delivery, ...others], 0);
  return [...severedFrom(delivery, engine.latest(1000)).traceIds];
}

test("the traces of one message are found by destination and key, the sender's first", () => {
  const delivery = handled("p", { trace: "p", attributes: order("7"), startMs: 2 });
  const parts = partsOf(
    delivery,
    sent("s", { trace: "s", attributes: order("7"), startMs: 1 }),
    handled("h", { trace: "h", attributes: order("7"), service: "shipping", startMs: 3 }),
    sent("s8", { trace: "s8", attributes: order("8"), startMs: 1 }),
    handled("h8", { trace: "h8", attributes: order("8"), startMs: 3 }),
  );
  assert.deepEqual(parts, ["s", "p", "h"].map(traceIdOf));
});

test("the way of the dead letter belongs to them, from whichever end one looks", () => {
  const spans = [
    sent("s", { trace: "s", attributes: order("7"), startMs: 1 }),
    handled("p", { trace: "p", attributes: order("7"), startMs: 2 }),
    sent("d", { trace: "p", parent: "p", attributes: letter("7"), startMs: 3 }),
    handled("l", { trace: "l", attributes: letter("7"), startMs: 4 }),
  ] as const;
  const [send, payment, , dead] = spans;
  const expected = ["s", "p", "l"].map(traceIdOf);
  assert.deepEqual(partsOf(payment, ...spans), expected);
  assert.deepEqual(partsOf(dead, ...spans), expected);
  assert.equal(send.traceId, expected[0]);
});

test("the same key at another destination is another message", () => {
  const delivery = handled("p", { trace: "p", attributes: order("7") });
  assert.deepEqual(
    partsOf(
      delivery,
      sent("s", { trace: "s", attributes: order("7") }),
      sent("x", { trace: "x", attributes: letter("7") }),
    ).toSorted(),
    ["p", "s"].map(traceIdOf),
  );
});

test("a key that was sent twice tells nothing: the handling stands alone", () => {
  const delivery = handled("p", { trace: "p", attributes: order("7") });
  const sends = ["s1", "s2"].map((id) => sent(id, { trace: id, attributes: order("7") }));
  assert.deepEqual(partsOf(delivery, ...sends), [traceIdOf("p")]);
});

test("without a key the handling stands alone", () => {
  assert.deepEqual(partsOf(handled("p", { trace: "p" }), sent("s", { trace: "s" })), [
    traceIdOf("p"),
  ]);
});
