import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Engine } from "../src/engine/engine.ts";
import type { Span } from "../src/engine/span.ts";
import type { Verdict } from "../src/engine/verdict.ts";
import { batch, handled, sent, span } from "./spans.ts";

/** Parent known to be of this process. */
const LOCAL = 0x100;
/** Parent known to be of another. */
const REMOTE = 0x300;

/** The verdict on the first span, once all have come. */
function verdictAmong(...spans: [Span, ...Span[]]): Verdict | undefined {
  const engine = new Engine();
  engine.add(spans, 0);
  return engine.verdict(spans[0]);
}

test("a delivery whose parent sent it is connected", () => {
  assert.equal(verdictAmong(handled("h", { parent: "s" }), sent("s")), "connected");
});

test("a delivery under a span that makes one message of a batch is connected", () => {
  const made = sent("c", { attributes: { "messaging.operation.type": "create" } });
  assert.equal(verdictAmong(handled("h", { parent: "c" }), made), "connected");
});

test("a delivery with a link to the span that sent it is linked, and so whole", () => {
  const delivery = handled("h", { trace: "other", links: ["t/s"] });
  assert.equal(verdictAmong(delivery, sent("s")), "linked");
});

test("a delivery with parent and link to the span that sent it is connected", () => {
  assert.equal(verdictAmong(handled("h", { parent: "s", links: ["t/s"] }), sent("s")), "connected");
});

test("a delivery that is a root and linked to nothing is broken", () => {
  assert.equal(verdictAmong(handled("h", { trace: "other" }), sent("s")), "broken");
});

test("a delivery whose parent has not come waits for it, and is not called broken", () => {
  assert.equal(verdictAmong(handled("h", { parent: "s" })), "waiting");
});

test("a delivery whose link leads to a span that has not come waits for it", () => {
  assert.equal(verdictAmong(handled("h", { trace: "other", links: ["t/s"] })), "waiting");
});

test("a link that leads to the delivery's batch alone does not make it whole", () => {
  const delivery = handled("h", { trace: "other", links: ["b/b"] });
  assert.equal(verdictAmong(delivery, batch("b", { trace: "b" })), "broken");
});

test("a delivery in its producer's trace stays connected beside a link to its batch", () => {
  const delivery = handled("h", { parent: "s", links: ["b/b"] });
  assert.equal(verdictAmong(delivery, sent("s"), batch("b", { trace: "b" })), "connected");
});

test("a batch is a root by right and is never judged", () => {
  assert.equal(verdictAmong(batch("b")), undefined);
  assert.equal(verdictAmong(batch("b", { links: ["t/absent"] })), undefined);
});

test("receiving and settling are no deliveries", () => {
  for (const operation of ["receive", "settle"]) {
    const attributes = { "messaging.operation.type": operation };
    assert.equal(verdictAmong(handled("h", { attributes })), undefined, operation);
  }
});

test("a consumer span of the older convention is judged alike", () => {
  const old = {
    kind: "consumer",
    attributes: { "messaging.system": "kafka", "messaging.operation": "process" },
  } as const;
  assert.equal(verdictAmong(span("h", { ...old })), "broken");
  assert.equal(verdictAmong(span("h", { ...old, parent: "s" }), sent("s")), "connected");
});

test("a producer without a span of its own puts in what is active: that is connected as well", () => {
  const request = span("r", { kind: "server", service: "checkout" });
  assert.equal(verdictAmong(handled("h", { parent: "r" }), request), "connected");
  assert.equal(verdictAmong(handled("h", { parent: "r", flags: REMOTE }), request), "connected");
});

test("a message sent from within another service's batch comes from there", () => {
  const earlier = batch("b", { trace: "t", service: "enricher" });
  assert.equal(verdictAmong(handled("h", { parent: "b" }), earlier), "connected");
  assert.equal(verdictAmong(handled("h", { trace: "o", links: ["t/b"] }), earlier), "linked");
});

test("a service that handles its own messages is connected by the remote flag alone", () => {
  const request = span("r", { kind: "server", service: "payments" });
  assert.equal(verdictAmong(handled("h", { parent: "r", flags: REMOTE }), request), "connected");
});

test("a delivery inside another span of its own service is not judged: that one is", () => {
  const outer = handled("outer", { parent: "s" });
  const inner = handled("inner", { parent: "outer", flags: LOCAL });
  const engine = new Engine();
  engine.add([sent("s"), outer, inner], 0);
  assert.equal(engine.verdict(outer), "connected");
  assert.equal(engine.verdict(inner), undefined);
  assert.equal(engine.snapshot().messages.connected, 1);
});

test("a delivery beneath the span that received it is linked where its link leads to the sender", () => {
  const receive = handled("r", {
    trace: "c",
    attributes: { "messaging.operation.type": "receive" },
  });
  const delivery = handled("h", { trace: "c", parent: "r", links: ["t/s"], flags: LOCAL });
  assert.equal(verdictAmong(delivery, receive, sent("s")), "linked");
});

test("what was whole stays whole when the span that proves it has left the window", () => {
  const engine = new Engine({ spans: 3 });
  const delivery = handled("h", { trace: "other", links: ["t/s", "u/absent"] });
  engine.add([sent("s"), delivery], 0);
  assert.equal(engine.verdict(delivery), "linked");
  engine.add([span("x", { trace: "x" }), span("absent", { trace: "u", service: "payments" })], 1);
  assert.equal(engine.trace(sent("s").traceId), undefined);
  assert.equal(engine.verdict(delivery), "linked");
});

test("the order in which spans come changes no verdict", () => {
  const spans = [
    sent("s1"),
    handled("connect", { parent: "s1", links: ["b/b"] }),
    batch("b", { trace: "b", links: ["t/s1"] }),
    handled("link", { trace: "l", links: ["t/s1"] }),
    handled("both", { parent: "s1", links: ["t/s1"] }),
    handled("broken", { trace: "o" }),
    handled("wait", { trace: "w", parent: "never" }),
    handled("inner", { parent: "connect", flags: LOCAL }),
    handled("odd", { trace: "odd", links: ["b/b"] }),
  ];
  const expected = {
    connect: "connected",
    link: "linked",
    both: "connected",
    broken: "broken",
    wait: "waiting",
    inner: undefined,
    odd: "broken",
  };
  fc.assert(
    fc.property(fc.shuffledSubarray(spans, { minLength: spans.length }), (order) => {
      const engine = new Engine();
      for (const each of order) engine.add([each], 0);
      for (const each of spans.slice(1)) {
        const word = Buffer.from(each.spanId, "hex").toString().replaceAll("\0", "");
        if (word in expected) {
          assert.equal(engine.verdict(each), expected[word as keyof typeof expected], word);
        }
      }
      assert.deepEqual(engine.snapshot().messages, {
        connected: 2,
        linked: 1,
        broken: 2,
        waiting: 1,
      });
    }),
  );
});
