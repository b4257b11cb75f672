import type { TraceTree, TreeNode } from "../../engine/tree.ts";
import { durationMs } from "../../engine/span.ts";
import { duration, remarks } from "../../report/words.ts";
import { fit, pad, printable, width } from "./columns.ts";
import { compact, type Glyphs } from "./glyphs.ts";
import { type Line, piece } from "./line.ts";

const DURATION_COLUMNS = 8;
const KIND_COLUMNS = 8;
/** Narrower terminals leave the kind out. */
const KIND_FROM_COLUMNS = 72;
/** Narrower ones have narrower branches and services. */
const NARROW_COLUMNS = 60;
/** In wider ones the duration would stand too far from the name. */
const MOST_COLUMNS = 110;
/** The name is to keep this many columns, however deep it stands. */
const NAME_COLUMNS = 10;

/** A remark cut off to less says nothing. */
const LEAST_REMARK_COLUMNS = 6;

/** A row of the tree before it is fitted to the terminal. */
interface Row {
  readonly node: TreeNode;
  /** The branches that lead to it. */
  readonly stem: string;
}

/** The room that a tree has, and what stands beside others looks alike in. */
export interface Layout {
  readonly columns: number;
  readonly serviceColumns: number;
  readonly glyphs: Glyphs;
}

/** Columns and signs for these trees, drawn one above the other. */
export function layoutFor(trees: readonly TraceTree[], columns: number, glyphs: Glyphs): Layout {
  const services = trees.flatMap((tree) => tree.services.map((name) => width(printable(name))));
  const narrow = columns < NARROW_COLUMNS;
  return {
    columns: Math.min(columns, MOST_COLUMNS),
    serviceColumns: Math.min(Math.max(...services, 4), narrow ? 10 : 16),
    glyphs: narrow ? compact(glyphs) : glyphs,
  };
}

/** A trace, a span a line: service, tree and name, kind, duration. At most `rows` lines. */
export function treeLines(tree: TraceTree, rows: number, layout: Layout): Line[] {
  const all = rowsOf(tree, layout.glyphs, rows + 1);
  const shown = all.length > rows ? all.slice(0, Math.max(0, rows - 1)) : all;
  const lines = shown.map((row) => spanLine(row, layout));
  const hidden = tree.spans - shown.length;
  if (hidden > 0 && rows > 0) lines.push([piece(`  … ${hidden} more`, "dim")]);
  return lines;
}

/** The nodes from top to bottom; no more than are looked at. */
function rowsOf(tree: TraceTree, glyphs: Glyphs, most: number): Row[] {
  const rows: Row[] = [];
  const open: { node: TreeNode; stem: string; below: string }[] = [];
  const push = (nodes: readonly TreeNode[], below: string, isTop: boolean): void => {
    nodes.toReversed().forEach((node, fromLast) => {
      const last = fromLast === 0;
      const stem = isTop ? "" : below + (last ? glyphs.last : glyphs.branch);
      open.push({ node, stem, below: isTop ? "" : below + (last ? glyphs.gap : glyphs.through) });
    });
  };
  push(tree.roots, "", true);
  for (let next = open.pop(); next !== undefined && rows.length < most; next = open.pop()) {
    rows.push({ node: next.node, stem: next.stem });
    push(next.node.children, next.below, false);
  }
  return rows;
}

function spanLine({ node, stem }: Row, layout: Layout): Line {
  const { span } = node;
  const { columns, serviceColumns: service, glyphs } = layout;
  const withKind = columns >= KIND_FROM_COLUMNS;
  const right = DURATION_COLUMNS + 1 + (withKind ? KIND_COLUMNS + 2 : 0);
  const middle = Math.max(0, columns - service - 2 - right);
  return [
    piece(pad(printable(span.resource.service), service), "accent"),
    piece("  "),
    ...nameColumn(node, stem, middle, glyphs),
    ...(withKind ? [piece(`  ${pad(span.kind, KIND_COLUMNS)}`, "dim")] : []),
    piece(` ${pad(duration(durationMs(span)), DURATION_COLUMNS, "left")}`),
  ];
}

/**
 * Branches, name and remarks in exactly `columns`. What stands too deep loses branches first; what
 * is bad keeps its sign.
 */
function nameColumn(node: TreeNode, stem: string, columns: number, glyphs: Glyphs): Line {
  const { span, verdict } = node;
  const stemRoom = Math.max(0, columns - NAME_COLUMNS);
  const branches = width(stem) <= stemRoom ? stem : `…${stem.slice(stem.length - stemRoom + 1)}`;
  let room = columns - width(branches);
  const bad = span.status === "error" || verdict === "broken";
  const name = fit(printable(span.name), bad ? room - 2 : room);
  room -= width(name);
  const line = [piece(branches, "dim"), piece(name, bad ? "bad" : "plain")];
  for (const { text, tone } of remarks(node)) {
    const sign = tone === "bad" ? glyphs.error : glyphs.link;
    let remark = fit(` ${sign} ${printable(text)}`, room);
    if (width(remark) < LEAST_REMARK_COLUMNS)
      remark = tone === "bad" ? fit(` ${sign}`, room, "") : "";
    line.push(piece(remark, tone === "bad" ? "bad" : "dim"));
    room -= width(remark);
  }
  line.push(piece(" ".repeat(Math.max(0, room))));
  return line;
}
