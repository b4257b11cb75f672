import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { Featured } from "../src/cli/featured.ts";
import { printable, width } from "../src/cli/terminal/columns.ts";
import { frame, type View } from "../src/cli/terminal/frame.ts";
import { glyphsFor } from "../src/cli/terminal/glyphs.ts";
import { written } from "../src/cli/terminal/line.ts";
import { Engine } from "../src/engine/engine.ts";
import type { Span } from "../src/engine/span.ts";
import { batch, handled, sent, span } from "./spans.ts";

const SIZES = [
  { columns: 40, rows: 24 },
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
];
const UTF8 = glyphsFor({ LANG: "en_US.UTF-8" });

/** An order that is paid at the second attempt, shipped in a batch, and one that is a dead letter. */
function order(trace: string): Span[] {
  const letter = { attributes: { "messaging.destination.name": "orders.dlq" } };
  return [
    span("post", { trace, name: "POST /orders", kind: "server", durationMs: 12.34 }),
    sent("send", { trace, parent: "post", startMs: 1 }),
    handled("pay", { trace, parent: "send", startMs: 2, error: "card declined" }),
    sent("park", {
      trace,
      parent: "pay",
      name: "send orders.dlq",
      service: "payments",
      startMs: 3,
      ...letter,
    }),
    handled("dead", {
      trace,
      parent: "park",
      name: "process orders.dlq",
      service: "dead-letters",
      startMs: 4,
      ...letter,
    }),
    handled("ship", { trace, parent: "send", service: "shipping", startMs: 5, links: ["b/b"] }),
  ];
}

const BATCH = batch("b", { trace: "b", service: "shipping", links: ["whole/send", "x/send"] });

function orphan(trace: string, service: string): Span {
  const attributes = { "messaging.kafka.message.key": "order-7" };
  return handled("h", { trace, service, attributes, startMs: 9 });
}

const BROKEN = [
  sent("s", { trace: "sent", attributes: { "messaging.kafka.message.key": "order-7" } }),
  orphan("paid", "payments"),
  orphan("shipped", "shipping"),
];

function viewOf(spans: readonly Span[], more: Partial<View> = {}): View {
  const engine = new Engine();
  engine.add(spans, 0);
  const featured = new Featured(engine);
  featured.consider(engine.settled(100_000));
  return {
    title: "throughline watch",
    aside: "http://127.0.0.1:4318",
    snapshot: engine.snapshot(),
    featuring: featured.at(0),
    notices: [],
    hint: "Waiting for spans",
    ...more,
  };
}

function shown(view: View, size: { columns: number; rows: number }, glyphs = UTF8): string[] {
  return frame(view, size, glyphs).map((line) =>
    written(line, size.columns, { colour: false, ellipsis: glyphs.ellipsis }),
  );
}

for (const size of SIZES) {
  describe(`at ${size.columns} columns`, () => {
    test("no picture is wider or higher than the terminal", () => {
      for (const spans of [[], order("whole"), BROKEN, [...order("whole"), BATCH, ...BROKEN]]) {
        const lines = shown(viewOf(spans, { notices: ["payments ended\n  a line"] }), size);
        assert.ok(lines.length <= size.rows, `${lines.length} lines`);
        for (const line of lines) assert.ok(width(line) <= size.columns, line);
      }
    });

    test("one order is a tree over all services, its dead letter included", () => {
      const lines = shown(viewOf([...order("whole"), BATCH]), size);
      for (const service of ["checkout", "payments", "dead-let", "shipping"]) {
        const row = lines.findLast((line) => line.startsWith(service));
        assert.match(row ?? "", /\d ms$/, `${service} in\n${lines.join("\n")}`);
      }
      const text = lines.join("\n");
      assert.match(text, /POST \/orders/);
      assert.match(text, /├.*process orde.*✗/, "the attempt that failed is marked");
      assert.match(text, /└.*send orders\.…|└.*send orders\.dlq/);
      assert.match(text, /12\.3 ms/);
    });

    test("the share of whole messages is a figure and never rounded up", () => {
      const most = Array.from({ length: 400 }, (_, at) => order(`o${at}`)).flat();
      const text = shown(viewOf([...most, ...BROKEN]), size).join("\n");
      assert.match(text, /99 %  1,200 of 1,202/);
    });

    test("broken messages are counted by service, and their traces shown as several", () => {
      const lines = shown(viewOf(BROKEN), size);
      const text = lines.join("\n");
      assert.match(text, /0 %  0 of 2/);
      assert.match(text, /2 broken/);
      assert.match(text, /Broken: 3 traces where there/);
      assert.equal(lines.filter((line) => /process orders ✗/.test(line)).length, 2);
    });
  });
}

test("80 columns have kinds and links; 40 leave them out", () => {
  const view = viewOf([...order("whole"), BATCH]);
  const wide = shown(view, { columns: 80, rows: 40 }).join("\n");
  assert.match(wide, /producer +1\.0 ms/);
  assert.match(wide, /process orders ↪ in a batch of 2/);
  assert.doesNotMatch(shown(view, { columns: 40, rows: 40 }).join("\n"), /producer/);
});

test("an orphan is called one, and a link is told of where it leads", () => {
  const text = shown(viewOf(BROKEN), { columns: 120, rows: 40 }).join("\n");
  assert.match(text, /process orders ✗ orphaned root, no link/);
  const linked = [sent("s"), handled("h", { trace: "u", links: ["t/s"] })];
  assert.match(
    shown(viewOf(linked), { columns: 120, rows: 40 }).join("\n"),
    /└─ process orders ↪ by link/,
  );
});

test("whole and broken share the screen where there are both", () => {
  const lines = shown(viewOf([...order("whole"), ...BROKEN]), { columns: 80, rows: 40 });
  const whole = lines.findIndex((line) => line.startsWith("The latest whole trace"));
  const broken = lines.findIndex((line) => line.startsWith("Broken: 3 traces"));
  assert.ok(whole > 0 && broken > whole, lines.join("\n"));
});

test("what does not fit is counted", () => {
  const spans = Array.from({ length: 50 }, (_, at) =>
    handled(`h${at}`, { parent: "s", startMs: at }),
  );
  const lines = shown(viewOf([sent("s"), ...spans]), { columns: 80, rows: 20 });
  assert.equal(lines.length, 20);
  assert.match(lines.at(-1) ?? "", /… \d+ more/);
});

test("notices keep their place at the foot of a full screen", () => {
  const spans = Array.from({ length: 50 }, (_, at) =>
    handled(`h${at}`, { parent: "s", startMs: at }),
  );
  const view = viewOf([sent("s"), ...spans], { notices: ["payments ended with exit code 1"] });
  const lines = shown(view, { columns: 80, rows: 20 });
  assert.equal(lines.at(-1), "payments ended with exit code 1");
});

test("a name from outside writes nothing but itself to the terminal", () => {
  const hostile = "\u001B]0;owned\u0007\u001B[2J\u202Eevil\u009B31m\r\n";
  const spans = [
    sent("s", { name: hostile, service: hostile }),
    handled("h", { parent: "s", name: hostile, service: hostile, error: hostile }),
    orphan("o", hostile),
  ];
  const view = viewOf(spans, { title: hostile, notices: [hostile] });
  for (const line of shown(view, { columns: 120, rows: 40 })) {
    assert.doesNotMatch(line, /[\p{Cc}\u202E]/u);
    assert.equal(line, stripVTControlCharacters(line));
  }
  assert.equal(printable("caf\u00e9 日本 👍"), "caf\u00e9 日本 👍");
});

test("colours are the only difference that NO_COLOR makes", () => {
  const lines = frame(viewOf(BROKEN), { columns: 80, rows: 24 }, UTF8);
  const coloured = lines.map((line) => written(line, 80, { colour: true, ellipsis: "…" }));
  assert.ok(coloured.some((line) => line.includes("\u001B[31m")));
  assert.deepEqual(
    coloured.map((line) => stripVTControlCharacters(line)),
    lines.map((line) => written(line, 80, { colour: false, ellipsis: "…" })),
  );
});

test("a locale that is not UTF-8 gets ASCII alone", () => {
  const view = viewOf([...order("whole"), BATCH, ...BROKEN]);
  const text = shown(view, { columns: 80, rows: 40 }, glyphsFor({ LC_ALL: "C" })).join("\n");
  // oxlint-disable-next-line no-control-regex
  assert.match(text, /^[\x00-\x7f]*$/);
  assert.match(text, /`- send orders/);
  assert.match(text, /process orders x orphaned root/);
});

test("whatever the spans are called and whatever the terminal, each line fits", () => {
  const name = fc.string({ unit: "binary", maxLength: 30 });
  fc.assert(
    fc.property(
      name,
      name,
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 60 }),
      (own, service, columns, rows) => {
        const spans = [
          sent("s", { name: own, service }),
          handled("h", { parent: "s", name: own, service: own, error: service }),
          orphan("o", own),
        ];
        const lines = shown(viewOf(spans), { columns, rows });
        assert.ok(lines.length <= rows);
        for (const line of lines) assert.ok(width(line) <= columns, JSON.stringify(line));
      },
    ),
  );
});
