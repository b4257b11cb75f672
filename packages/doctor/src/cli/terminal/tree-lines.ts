import type { TraceTree, TreeNode } from "../../engine/tree.ts";
import { durationMs } from "../../engine/span.ts";
import { duration, remarks } from "../../report/words.ts";
import { fit, pad, printable, width } from "./columns.ts";
import type { Glyphs } from "./glyphs.ts";
import { type Line, piece } from "./line.ts";

const DURATION_COLUMNS = 8;
const KIND_COLUMNS = 8;
/** Narrower terminals leave the kind out. */
const KIND_FROM_COLUMNS = 72;
/** The name is to keep this many columns, however deep it stands. */
const NAME_COLUMNS = 12;

/** A row of the tree before it is fitted to the terminal. */
interface Row {
  readonly node: TreeNode;
  /** The branches that lead to it. */
  readonly stem: string;
}

/** A trace, a span a line: service, tree and name, kind, duration. At most `rows` lines. */
export function treeLines(tree: TraceTree, columns: number, rows: number, glyphs: Glyphs): Line[] {
  const all = rowsOf(tree, glyphs, rows + 1);
  const services = tree.services.map((service) => width(printable(service)));
  const serviceColumns = Math.min(Math.max(...services, 4), columns >= 60 ? 16 : 10);
  const shown = all.length > rows ? all.slice(0, Math.max(0, rows - 1)) : all;
  const lines = shown.map((row) => spanLine(row, serviceColumns, columns, glyphs));
  const hidden = tree.spans - shown.length;
  if (hidden > 0 && all.length > rows) lines.push([piece(`  … ${hidden} more`, "dim")]);
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

function spanLine({ node, stem }: Row, service: number, columns: number, glyphs: Glyphs): Line {
  const { span } = node;
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

/** Branches, name and remarks in exactly `columns`; what stands too deep loses its branches first. */
function nameColumn(node: TreeNode, stem: string, columns: number, glyphs: Glyphs): Line {
  const { span, verdict } = node;
  const stemRoom = Math.max(0, columns - NAME_COLUMNS);
  const branches = width(stem) <= stemRoom ? stem : `…${stem.slice(stem.length - stemRoom + 1)}`;
  let room = columns - width(branches);
  const name = fit(printable(span.name), room);
  room -= width(name);
  const bad = span.status === "error" || verdict === "broken";
  const line = [piece(branches, "dim"), piece(name, bad ? "bad" : "plain")];
  for (const { text, tone } of remarks(node)) {
    const sign = tone === "bad" ? glyphs.error : glyphs.link;
    const remark = fit(` ${sign} ${printable(text)}`, room);
    if (width(remark) < 4) break;
    line.push(piece(remark, tone === "bad" ? "bad" : "dim"));
    room -= width(remark);
  }
  line.push(piece(" ".repeat(Math.max(0, room))));
  return line;
}
