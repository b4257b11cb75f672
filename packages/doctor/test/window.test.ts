import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Engine } from "../src/engine/engine.ts";
import { handled, sent, span, traceIdOf } from "./spans.ts";

test("the trace that has not grown for longest is forgotten as a whole", () => {
  const engine = new Engine({ spans: 4 });
  engine.add(
    [span("a1", { trace: "a" }), span("a2", { trace: "a" }), span("b1", { trace: "b" })],
    0,
  );
  engine.add([span("a3", { trace: "a" })], 1);
  engine.add([span("c1", { trace: "c" })], 2);
  assert.equal(engine.trace(traceIdOf("b")), undefined);
  assert.equal(engine.trace(traceIdOf("a"))?.spans.size, 3);
  const { spans, traces, forgotten } = engine.snapshot().window;
  assert.deepEqual({ spans, traces, forgotten }, { spans: 4, traces: 2, forgotten: 1 });
});

test("the window is bounded in bytes as well", () => {
  const engine = new Engine({ encodedBytes: 1000 });
  for (const trace of ["a", "b", "c"]) engine.add([span("s", { trace, encodedBytes: 400 })], 0);
  const { spans, forgotten } = engine.snapshot().window;
  assert.deepEqual({ spans, forgotten }, { spans: 2, forgotten: 1 });
});

test("a span larger than the whole window is refused, and counted", () => {
  const engine = new Engine({ encodedBytes: 1000 });
  engine.add([span("large", { encodedBytes: 1001 })], 0);
  const { spans, refused } = engine.snapshot().window;
  assert.deepEqual({ spans, refused }, { spans: 0, refused: 1 });
});

test("a trace without end does not push out the others", () => {
  const engine = new Engine({ spans: 100, spansPerTrace: 10 });
  engine.add([span("s", { trace: "other" })], 0);
  engine.add(
    Array.from({ length: 500 }, (_, at) => span(`e${at}`, { trace: "endless" })),
    1,
  );
  assert.equal(engine.trace(traceIdOf("other"))?.spans.size, 1);
  assert.equal(engine.trace(traceIdOf("endless"))?.spans.size, 10);
  assert.equal(engine.snapshot().window.refused, 490);
});

test("a trace does not make room for itself", () => {
  const engine = new Engine({ spans: 3 });
  engine.add(
    ["a", "b", "c", "d"].map((id) => span(id)),
    0,
  );
  const { spans, refused, forgotten } = engine.snapshot().window;
  assert.deepEqual({ spans, refused, forgotten }, { spans: 3, refused: 1, forgotten: 0 });
});

test("a span that an exporter sends again is counted once", () => {
  const engine = new Engine();
  engine.add([handled("h"), handled("h")], 0);
  engine.add([handled("h")], 5);
  const { messages, window, services } = engine.snapshot();
  assert.equal(messages.broken, 1);
  assert.equal(window.repeated, 2);
  assert.equal(services[0]?.spans, 1);
});

test("whatever comes in whatever order, counts are those of what is in the window", () => {
  const word = fc.constantFrom("a", "b", "c", "d", "e");
  const facts = fc.record({
    trace: word,
    id: word,
    parent: fc.option(word, { nil: undefined }),
    link: fc.option(word, { nil: undefined }),
    kind: fc.constantFrom("sent", "handled", "plain"),
    service: fc.constantFrom("checkout", "payments"),
    error: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(facts, { maxLength: 60 }),
      fc.integer({ min: 1, max: 8 }),
      (all, spans) => {
        const engine = new Engine({ spans });
        for (const { trace, id, parent, link, kind, service, error } of all) {
          const make = kind === "sent" ? sent : kind === "handled" ? handled : span;
          const links = link === undefined ? [] : [`${link}/${id}`, `${link}/a`];
          const own = { trace, service, links, ...(error ? { error: "no" } : {}) };
          engine.add([make(id, parent === undefined ? own : { ...own, parent })], 0);
        }
        const { messages, services, window } = engine.snapshot();
        const held = engine.latest(Infinity).flatMap((trace) => [...trace.spans.values()]);
        assert.equal(window.spans, held.length);
        assert.ok(held.length <= spans);
        for (const verdict of ["connected", "linked", "broken", "waiting"] as const) {
          const expected = held.filter((each) => engine.verdict(each) === verdict).length;
          assert.equal(messages[verdict], expected, verdict);
          const byService = services.reduce((sum, each) => sum + each.messages[verdict], 0);
          assert.equal(byService, expected, verdict);
        }
        const names = new Set(held.map(({ resource }) => resource.service));
        assert.deepEqual(
          services.map(({ service }) => service),
          [...names].toSorted(),
        );
        for (const each of services) {
          const own = held.filter(({ resource }) => resource.service === each.service);
          assert.equal(each.spans, own.length);
          assert.equal(each.errors, own.filter(({ status }) => status === "error").length);
        }
      },
    ),
  );
});

test("nothing is kept of what has left the window", () => {
  const engine = new Engine({ spans: 2 });
  for (let at = 0; at < 1000; at++) {
    engine.add([handled("h", { trace: `t${at}`, links: [`u${at}/s`], parent: "p" })], at);
  }
  // The parts that hold something for a span: verdicts, links, traces that grow.
  const held = JSON.stringify(engine, (_, value: unknown) =>
    value instanceof Map ? { size: value.size } : typeof value === "bigint" ? `${value}` : value,
  );
  const sizes = [...held.matchAll(/"size":(\d+)/g)].map(([, size]) => Number(size));
  assert.ok(sizes.length >= 5, held);
  assert.ok(Math.max(...sizes) <= 2, held);
});
