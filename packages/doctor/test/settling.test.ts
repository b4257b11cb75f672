import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../src/engine/engine.ts";
import { span } from "./spans.ts";

function settledAt(engine: Engine, nowMs: number): number {
  return engine.settled(nowMs).length;
}

test("a trace is complete when it has been quiet for a while, and is told of once", () => {
  const engine = new Engine();
  engine.add([span("a")], 1000);
  assert.equal(settledAt(engine, 2499), 0);
  assert.equal(settledAt(engine, 2500), 1);
  assert.equal(settledAt(engine, 9999), 0);
});

test("a trace that grows is not complete yet, and one that grows again is told of again", () => {
  const engine = new Engine();
  engine.add([span("a")], 1000);
  engine.add([span("b", { parent: "a" })], 2000);
  assert.equal(settledAt(engine, 2600), 0);
  assert.equal(settledAt(engine, 3500), 1);
  engine.add([span("c", { parent: "b" })], 4000);
  assert.equal(settledAt(engine, 5500), 1);
});

test("a trace that lacks a parent is waited for longer, and not for ever", () => {
  const engine = new Engine();
  engine.add([span("b", { parent: "a" })], 1000);
  assert.equal(settledAt(engine, 5000), 0);
  assert.equal(settledAt(engine, 11_000), 1);
  assert.equal(settledAt(engine, 12_000), 0);
});

test("a trace that goes on growing does not hold up those that are quiet", () => {
  const engine = new Engine();
  engine.add([span("a", { trace: "a" })], 1000);
  engine.add([span("b", { trace: "b" })], 1100);
  engine.add([span("c", { trace: "a", parent: "a" })], 2500);
  assert.deepEqual(
    engine.settled(2700).map(({ spans }) => spans.size),
    [1],
  );
});

test("the parent that comes makes a trace complete at once it is quiet", () => {
  const engine = new Engine();
  engine.add([span("b", { parent: "a" })], 1000);
  assert.equal(settledAt(engine, 5000), 0);
  engine.add([span("a")], 5000);
  assert.equal(settledAt(engine, 6500), 1);
  assert.equal(settledAt(engine, 20_000), 0);
});

test("a trace that was forgotten meanwhile is not told of", () => {
  const engine = new Engine({ spans: 1 });
  engine.add([span("a", { trace: "a" }), span("b", { trace: "b" })], 1000);
  assert.deepEqual(
    engine.settled(5000).map(({ spans }) => [...spans.values()][0]?.name),
    ["b"],
  );
});
