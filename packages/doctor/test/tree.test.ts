import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../src/engine/engine.ts";
import type { Span } from "../src/engine/span.ts";
import type { TraceTree, TreeNode } from "../src/engine/tree.ts";
import { batch, handled, sent, span, traceIdOf } from "./spans.ts";

function treeAmong(trace: string, ...spans: Span[]): TraceTree {
  const engine = new Engine();
  engine.add(spans, 0);
  const tree = engine.tree(traceIdOf(trace));
  assert.ok(tree !== undefined, `no trace ${trace}`);
  return tree;
}

/** `root(child child(grandchild))`; `~` before what is joined by a link, `?` after an absent parent. */
function shape(nodes: readonly TreeNode[]): string {
  return nodes
    .map(({ span: { name }, children, joinedBy, parentAbsent }) => {
      const own = `${joinedBy === "link" ? "~" : ""}${name}${parentAbsent ? "?" : ""}`;
      return children.length === 0 ? own : `${own}(${shape(children)})`;
    })
    .join(" ");
}

test("spans stand under their parents in the order of their start, however they came", () => {
  const tree = treeAmong(
    "t",
    span("late", { parent: "root", startMs: 9 }),
    span("leaf", { parent: "early", startMs: 3 }),
    span("early", { parent: "root", startMs: 2 }),
    span("root", { startMs: 1, durationMs: 4 }),
  );
  assert.equal(shape(tree.roots), "root(early(leaf) late)");
  assert.equal(tree.startNs, 1_000_000n);
  assert.equal(tree.endNs, 10_000_000n);
});

test("a span whose parent has not come is a root of the tree, and says so", () => {
  assert.equal(shape(treeAmong("t", span("a"), span("b", { parent: "no" })).roots), "a b?");
});

test("a handling that is a trace of its own stands under what it links to, with all below it", () => {
  const tree = treeAmong(
    "t",
    sent("s", { name: "send" }),
    handled("h", { name: "handle", trace: "other", links: ["t/s"] }),
    span("c", { name: "charge", trace: "other", parent: "h", service: "payments" }),
  );
  assert.equal(shape(tree.roots), "send(~handle(charge))");
  assert.deepEqual(tree.services, ["checkout", "payments"]);
  assert.deepEqual(tree.verdicts, ["linked"]);
});

test("a batch stands under each message it is linked to, without what happened in it", () => {
  const tree = treeAmong(
    "t",
    sent("s", { name: "send" }),
    batch("b", { name: "batch", trace: "other", links: ["t/s", "u/s"] }),
    span("w", { name: "work", trace: "other", parent: "b" }),
  );
  assert.equal(shape(tree.roots), "send(~batch)");
});

test("a batch is left out where the message's own handling in it is there", () => {
  const tree = treeAmong(
    "t",
    sent("s", { name: "send" }),
    batch("b", { name: "batch", trace: "other", links: ["t/s"] }),
    handled("h", { name: "handle", parent: "s", links: ["other/b"] }),
  );
  assert.equal(shape(tree.roots), "send(handle)");
  assert.deepEqual(
    tree.roots[0]?.children[0]?.linksTo.map(({ name }) => name),
    ["batch"],
  );
});

test("a handling that links to message and batch stands under the message alone", () => {
  const spans = [
    sent("s", { name: "send" }),
    batch("b", { name: "batch", trace: "b", links: ["t/s"] }),
    handled("h", { name: "handle", trace: "own", links: ["t/s", "b/b"] }),
  ];
  assert.equal(shape(treeAmong("t", ...spans).roots), "send(~handle)");
  assert.equal(shape(treeAmong("b", ...spans).roots), "batch");
});

test("a batch's own trace does not take in the traces of its messages", () => {
  const tree = treeAmong(
    "other",
    sent("s"),
    batch("b", { name: "batch", trace: "other", links: ["t/s"] }),
    handled("h", { parent: "s", links: ["other/b"] }),
  );
  assert.equal(shape(tree.roots), "batch");
});

test("parents that go round in a circle hide no span", () => {
  const tree = treeAmong(
    "t",
    span("a", { parent: "c", startMs: 1 }),
    span("b", { parent: "a", startMs: 2 }),
    span("c", { parent: "b", startMs: 3 }),
    span("self", { parent: "self", startMs: 4 }),
  );
  assert.equal(shape(tree.roots), "a(b(c)) self");
});

test("links that go round in a circle end", () => {
  const tree = treeAmong(
    "t",
    sent("s", { name: "send" }),
    handled("h", { name: "handle", trace: "u", links: ["t/s"] }),
    sent("s2", { name: "again", trace: "u", parent: "h", links: ["t/s"] }),
    handled("h2", { name: "handle again", trace: "t2", links: ["u/s2"] }),
  );
  assert.equal(shape(tree.roots), "send(~handle(again(~handle again)))");
});

test("a trace as deep as it has spans is built, and cut where nobody would read on", () => {
  const chain = Array.from({ length: 9000 }, (_, at) =>
    span(`${at}`, { startMs: at, ...(at > 0 ? { parent: `${at - 1}` } : {}) }),
  );
  const tree = treeAmong("t", ...chain);
  assert.equal(tree.spans, 2000);
  assert.equal(tree.omitted, 7000);
});
