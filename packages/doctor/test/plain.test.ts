import assert from "node:assert/strict";
import { test } from "node:test";
import { PlainLines } from "../src/cli/plain.ts";
import { Engine } from "../src/engine/engine.ts";
import type { Span } from "../src/engine/span.ts";
import { batch, handled, sent, span } from "./spans.ts";

/** The lines that are printed once all of the spans are complete. */
function linesOf(...spans: Span[]): string[] {
  const lines: string[] = [];
  const engine = new Engine();
  const plain = new PlainLines(engine, (line) => lines.push(line));
  engine.add(spans, 0);
  plain.consider(engine.settled(20_000), 20_000);
  return lines;
}

test("a complete trace is one line, and the share of whole messages another", () => {
  assert.deepEqual(
    linesOf(
      sent("s"),
      handled("h", { parent: "s" }),
      handled("h2", { parent: "s", service: "shipping" }),
    ),
    [
      "trace 00000000 whole  2 of 2 messages  3 spans  1.0 ms  checkout > payments > shipping",
      "whole 2 of 2 messages",
    ],
  );
});

function word(...spans: Span[]): string | undefined {
  return linesOf(...spans)[0]?.split(" ")[2];
}

test("the line says whether a trace is whole, broken, waiting, or nobody handled its message", () => {
  assert.equal(word(sent("s"), handled("h", { parent: "s" })), "whole");
  assert.equal(word(handled("h")), "broken");
  assert.equal(word(handled("h", { parent: "s" })), "waiting");
  assert.equal(word(sent("s")), "sent");
});

test("what is not yet known is not counted as broken", () => {
  const lines = linesOf(
    sent("s"),
    handled("h", { parent: "s" }),
    handled("w", { trace: "w", parent: "x" }),
  );
  assert.equal(lines.at(-1), "whole 1 of 1 message, 1 waiting for a span");
});

test("a batch's own trace is no line", () => {
  assert.deepEqual(linesOf(batch("b", { links: ["t/s"] })), []);
});

test("more traces in a second than anybody reads are counted", () => {
  const many = Array.from({ length: 100 }, (_, at) => handled("h", { trace: `t${at}` }));
  const lines = linesOf(...many);
  assert.equal(lines.filter((line) => line.startsWith("trace ")).length, 10);
  assert.deepEqual(lines.slice(-2), ["and 90 more traces", "whole 0 of 100 messages, 100 broken"]);
});

test("the share is printed when it has changed, a second apart, and at the end in any case", () => {
  const lines: string[] = [];
  const engine = new Engine();
  const plain = new PlainLines(engine, (line) => lines.push(line));
  plain.consider([], 5000);
  assert.deepEqual(lines, [], "nothing was handled yet");
  engine.add([sent("s"), handled("h", { parent: "s" })], 5000);
  plain.consider([], 5500);
  assert.deepEqual(lines, []);
  plain.consider([], 6000);
  plain.consider([], 9000);
  assert.deepEqual(lines, ["whole 1 of 1 message"]);
  engine.add([handled("h2", { parent: "s" })], 9000);
  plain.end();
  assert.deepEqual(lines, ["whole 1 of 1 message", "whole 2 of 2 messages"]);
});

test("the last line is the share, also where there was no message at all", () => {
  const lines: string[] = [];
  new PlainLines(new Engine(), (line) => lines.push(line)).end();
  assert.deepEqual(lines, ["whole 0 of 0 messages"]);
});

test("a name from outside can't break a line in two", () => {
  const [line] = linesOf(handled("h", { service: "a\nwhole 9 of 9 messages" }));
  assert.doesNotMatch(line ?? "", /\n/);
});

test("the trace of something that is no message is a line too", () => {
  assert.deepEqual(linesOf(span("s")), [
    "trace 00000000 sent  no message handled  1 span  1.0 ms  checkout",
  ]);
});
