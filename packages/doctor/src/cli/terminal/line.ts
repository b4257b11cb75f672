import { fit, width } from "./columns.ts";

/** How a piece of text looks, by what it means. */
export type Look = "plain" | "strong" | "dim" | "good" | "bad" | "accent";

export interface Piece {
  readonly text: string;
  readonly look: Look;
}

/** One line of the screen: pieces from left to right. */
export type Line = readonly Piece[];

export function piece(text: string, look: Look = "plain"): Piece {
  return { text, look };
}

export const EMPTY: Line = [];

/** ANSI's Select Graphic Rendition. Colours are the terminal's own, so both schemes are readable. */
const CODES: Readonly<Record<Look, string>> = {
  plain: "",
  strong: "1",
  dim: "2",
  good: "32",
  bad: "31",
  accent: "36",
};

/** How lines are written to one terminal. */
export interface Ink {
  readonly colour: boolean;
  /** One column wide; stands for `…`, which not every terminal has. */
  readonly ellipsis: string;
}

/** A line as it is written: never wider than `columns`. */
export function written(line: Line, columns: number, { colour, ellipsis }: Ink): string {
  let left = columns;
  let text = "";
  for (const { text: whole, look } of line) {
    if (left <= 0) break;
    const fitted = fit(whole, left).replaceAll("…", ellipsis);
    left -= width(fitted);
    const code = CODES[look];
    text += colour && code !== "" ? `\u001B[${code}m${fitted}\u001B[0m` : fitted;
  }
  return text;
}

/** Two lines' worth on one: the second at the right edge, where there is room for both. */
export function apart(left: Line, right: Line, columns: number): Line {
  const room = columns - widthOf(left) - widthOf(right);
  return room < 2 ? left : [...left, piece(" ".repeat(room)), ...right];
}

function widthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + width(text), 0);
}
