import type { ServiceTally, Shares } from "../../engine/tally.ts";
import type { Snapshot } from "../../engine/engine.ts";
import { count, percent, wholeOf, windowLine } from "../../report/words.ts";
import { pad, printable, width } from "./columns.ts";
import type { Glyphs } from "./glyphs.ts";
import { apart, type Line, piece } from "./line.ts";

const MOST_BAR_COLUMNS = 40;

/** The share of messages whose trace is whole, with what it is made of. */
export function shareLines(
  { messages, window }: Snapshot,
  columns: number,
  glyphs: Glyphs,
): Line[] {
  const { whole, known } = wholeOf(messages);
  const label = columns >= 60 ? "Messages whose trace is whole  " : "Whole  ";
  if (known === 0) return [[piece(label, "strong"), piece("none handled yet", "dim")]];
  const share = `  ${percent(whole, known)}  ${count(whole)} of ${count(known)}`;
  const look = whole === known ? "good" : "bad";
  const room = Math.min(MOST_BAR_COLUMNS, columns - width(label) - width(share));
  const full = Math.floor((whole / known) * Math.max(0, room));
  return [
    [
      piece(label, "strong"),
      piece(glyphs.full.repeat(full), look),
      piece(glyphs.empty.repeat(Math.max(0, room - full)), "dim"),
      piece(share, look),
    ],
    apart(verdictCounts(messages), [piece(windowLine(window), "dim")], columns),
  ];
}

function verdictCounts({ connected, linked, broken, waiting }: Shares): Line {
  return [
    piece(`${count(connected)} connected  ${count(linked)} linked  `),
    piece(`${count(broken)} broken`, broken > 0 ? "bad" : "plain"),
    piece(`  ${count(waiting)} waiting`),
  ];
}

interface Column {
  readonly title: string;
  /** Left out of terminals narrower than this. */
  readonly fromColumns: number;
  readonly look?: "bad";
  value(tally: ServiceTally): number;
}

const COLUMNS: readonly Column[] = [
  { title: "spans", fromColumns: 60, value: ({ spans }) => spans },
  { title: "messages", fromColumns: 0, value: ({ messages }) => sum(messages) },
  { title: "whole", fromColumns: 50, value: ({ messages }) => wholeOf(messages).whole },
  { title: "broken", fromColumns: 0, look: "bad", value: ({ messages }) => messages.broken },
  { title: "waiting", fromColumns: 70, value: ({ messages }) => messages.waiting },
  { title: "errors", fromColumns: 50, look: "bad", value: ({ errors }) => errors },
];

/** Services with what each has handled; the rest is counted where there are too many. */
export function serviceLines(
  services: readonly ServiceTally[],
  columns: number,
  rows: number,
): Line[] {
  if (services.length === 0) return [];
  const shown = COLUMNS.filter(({ fromColumns }) => columns >= fromColumns);
  const room = columns - shown.reduce((taken, { title }) => taken + width(title) + 2, 0);
  const longest = Math.max(...services.map(({ service }) => width(printable(service))));
  const nameColumns = Math.max(7, Math.min(longest, room, 28));
  const lines: Line[] = [
    [
      piece(pad("service", nameColumns), "dim"),
      ...shown.map(({ title }) => piece(`  ${title}`, "dim")),
    ],
  ];
  const all = services.length <= rows ? services : services.slice(0, Math.max(0, rows - 1));
  for (const tally of all) {
    const cells = shown.map(({ title, value, look }) => {
      const number = value(tally);
      const text = number === 0 ? "-" : count(number);
      const cell = `  ${pad(text, width(title), "left")}`;
      return piece(cell, number === 0 ? "dim" : (look ?? "plain"));
    });
    lines.push([piece(pad(printable(tally.service), nameColumns), "accent"), ...cells]);
  }
  if (all.length < services.length) {
    lines.push([piece(`… ${services.length - all.length} more services`, "dim")]);
  }
  return lines;
}

function sum({ connected, linked, broken, waiting }: Shares): number {
  return connected + linked + broken + waiting;
}
