import type { Snapshot } from "../../engine/engine.ts";
import type { Severed } from "../../engine/severed.ts";
import type { TraceTree } from "../../engine/tree.ts";
import { LATEST_WHOLE, severedTitle, treeTitle } from "../../report/words.ts";
import { printable } from "./columns.ts";
import type { Glyphs } from "./glyphs.ts";
import { apart, EMPTY, type Line, piece } from "./line.ts";
import { serviceLines, shareLines } from "./overview.ts";
import { treeLines } from "./tree-lines.ts";

/** Everything that is on the screen at one moment. */
export interface View {
  readonly title: string;
  /** At the right of the title, where there is room. */
  readonly aside: string;
  readonly snapshot: Snapshot;
  /** A trace whose messages are all whole; undefined before there is one. */
  readonly whole: TraceTree | undefined;
  /** One message's traces where there should be one; undefined while nothing is broken. */
  readonly severed: { readonly facts: Severed; readonly trees: readonly TraceTree[] } | undefined;
  /** What the reader has to know, at the bottom. */
  readonly notices: readonly string[];
  /** Instead of a trace, while there is none. */
  readonly hint: string;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The lines of the screen, no more than it has. */
export function frame(view: View, { columns, rows }: Size, glyphs: Glyphs): Line[] {
  const { snapshot, notices } = view;
  const lines: Line[] = [
    apart([piece(printable(view.title), "strong")], [piece(view.aside, "dim")], columns),
    ...shareLines(snapshot, columns, glyphs),
    EMPTY,
    ...serviceLines(snapshot.services, columns, Math.max(3, Math.floor(rows / 4))),
  ];
  const foot = notices.flatMap((notice) => noticeLines(notice));
  const room = rows - Math.min(foot.length, Math.floor(rows / 2));
  lines.push(...traces(view, columns, room - lines.length, glyphs));
  lines.length = Math.min(lines.length, room);
  return [...lines, ...foot.slice(0, rows - lines.length)];
}

function noticeLines(notice: string): Line[] {
  return notice.split("\n").map((line) => [piece(printable(line), "bad")]);
}

function traces(view: View, columns: number, rows: number, glyphs: Glyphs): Line[] {
  const { whole, severed } = view;
  const lines: Line[] = [];
  if (whole !== undefined) {
    const most = severed === undefined ? rows : Math.floor(rows / 2);
    lines.push(EMPTY, [piece(LATEST_WHOLE, "strong"), piece(`  ${treeTitle(whole)}`, "dim")]);
    lines.push(...treeLines(whole, columns, most - 2, glyphs));
  }
  if (severed !== undefined) {
    lines.push(EMPTY, [piece(printable(severedTitle(severed.facts)), "bad")]);
    for (const tree of severed.trees) {
      lines.push([piece(`  ${treeTitle(tree)}`, "dim")]);
      lines.push(...treeLines(tree, columns, Math.max(2, rows - lines.length), glyphs));
    }
  }
  return lines.length > 0 ? lines : [EMPTY, [piece(view.hint, "dim")]];
}
