import assert from "node:assert/strict";
import { test } from "node:test";
import { Choice } from "../src/cli/choice.ts";
import { Engine } from "../src/engine/engine.ts";
import type { TraceTree } from "../src/engine/tree.ts";
import { span, traceIdOf } from "./spans.ts";

/** A tree over so many services. */
function tree(trace: string, services: number): TraceTree {
  const engine = new Engine();
  engine.add(
    Array.from({ length: services }, (_, at) => span(`s${at}`, { trace, service: `service${at}` })),
    0,
  );
  return engine.tree(traceIdOf(trace)) as TraceTree;
}

test("the first trace is shown at once, and stays long enough to be read", () => {
  const choice = new Choice();
  assert.equal(choice.at(0), undefined);
  choice.offer(tree("a", 1));
  assert.equal(choice.at(1), traceIdOf("a"));
  choice.offer(tree("b", 4));
  assert.equal(choice.at(5000), traceIdOf("a"));
  assert.equal(choice.at(5001), traceIdOf("b"));
});

test("of several the one that reaches the most services is next, and of those the latest", () => {
  const choice = new Choice();
  choice.offer(tree("a", 1));
  choice.at(0);
  for (const [trace, services] of [
    ["b", 4],
    ["c", 2],
    ["d", 4],
    ["e", 3],
  ] as const) {
    choice.offer(tree(trace, services));
  }
  assert.equal(choice.at(6000), traceIdOf("d"));
  assert.equal(choice.at(60_000), traceIdOf("d"), "nothing was offered since");
});
