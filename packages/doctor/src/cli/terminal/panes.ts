import { LATEST_WHOLE, severedTitle, treeTitle } from "../../report/words.ts";
import type { Featuring } from "../featured.ts";
import { printable } from "./columns.ts";
import type { Size } from "./frame.ts";
import type { Glyphs } from "./glyphs.ts";
import { EMPTY, type Line, piece } from "./line.ts";
import { layoutFor, treeLines } from "./tree-lines.ts";

/** The traces that are worth a look, in the room there is; none where there are none. */
export function paneLines({ whole, severed }: Featuring, size: Size, glyphs: Glyphs): Line[] {
  const { columns, rows } = size;
  if (severed === undefined) return whole === undefined ? [] : wholeLines(whole, size, glyphs);
  if (whole === undefined) return severedLines(severed, size, glyphs);
  const above = wholeLines(whole, { columns, rows: Math.floor(rows / 2) }, glyphs);
  const below = { columns, rows: rows - above.length };
  return [...above, ...severedLines(severed, below, glyphs)];
}

function wholeLines(tree: NonNullable<Featuring["whole"]>, size: Size, glyphs: Glyphs): Line[] {
  const { columns, rows } = size;
  const title = [piece(LATEST_WHOLE, "strong"), piece(`  ${treeTitle(tree)}`, "dim")];
  return [EMPTY, title, ...treeLines(tree, rows - 2, layoutFor([tree], columns, glyphs))];
}

/** Each of the traces has a title of its own, unless only their spans have room. */
function severedLines(
  { facts, trees }: NonNullable<Featuring["severed"]>,
  { columns, rows }: Size,
  glyphs: Glyphs,
): Line[] {
  const layout = layoutFor(trees, columns, glyphs);
  const spans = trees.reduce((sum, tree) => sum + tree.spans, 0);
  const titled = spans + trees.length + 2 <= rows;
  const lines: Line[] = [EMPTY, [piece(printable(severedTitle(facts)), "bad")]];
  for (const tree of trees) {
    if (titled) lines.push([piece(`  ${treeTitle(tree)}`, "dim")]);
    lines.push(...treeLines(tree, rows - lines.length, layout));
  }
  return lines;
}
