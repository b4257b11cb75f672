import type { Snapshot } from "../../engine/engine.ts";
import type { Featuring } from "../featured.ts";
import { printable } from "./columns.ts";
import type { Glyphs } from "./glyphs.ts";
import { apart, EMPTY, type Line, piece } from "./line.ts";
import { serviceLines, shareLines } from "./overview.ts";
import { paneLines } from "./panes.ts";

/** Everything that is on the screen at one moment. */
export interface View {
  readonly title: string;
  /** At the right of the title, where there is room. */
  readonly aside: string;
  readonly snapshot: Snapshot;
  readonly featuring: Featuring;
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
  const panes = paneLines(view.featuring, { columns, rows: room - lines.length }, glyphs);
  lines.push(...(panes.length > 0 ? panes : [EMPTY, [piece(view.hint, "dim")]]));
  lines.length = Math.min(lines.length, room);
  return [...lines, ...foot.slice(0, rows - lines.length)];
}

function noticeLines(notice: string): Line[] {
  return notice.split("\n").map((line) => [piece(printable(line), "bad")]);
}
