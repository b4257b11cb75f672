import { styleText } from "node:util";
import type { Verdict } from "./budgets.ts";
import type { Section } from "./results.ts";
import type { Estimate } from "./statistics.ts";

const COLOURS = {
  stretch: ["bold", "green"],
  kept: ["green"],
  "not clear": ["yellow"],
  "out of reach": ["yellow"],
  MISSED: ["red"],
} as const satisfies Record<Verdict, readonly Parameters<typeof styleText>[0][]>;

/** Lines of left-aligned text and right-aligned figures; the first column is text, and the last where `tail` says so. */
function columns(rows: readonly (readonly string[])[], text: readonly number[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, at) => {
        const width = widths[at] ?? 0;
        return text.includes(at) ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

const figure = (value: number): string => value.toFixed(2);
const interval = ({ low, high }: Estimate): string => `${figure(low)} .. ${figure(high)}`;

/** One section: what each variant adds to doing nothing. */
export function costTable({ name, rounds, costs, ratios = [] }: Section): string {
  const exported = costs.some(({ spans }) => spans !== undefined);
  const head = ["", "us", "95 %", ...(exported ? ["exported/ended"] : [])];
  const rows = costs.map(({ id, us, spans }) => [
    id === "empty" ? "empty handler itself" : id,
    figure(us.value),
    interval(us),
    ...(exported ? [spans === undefined ? "" : `${spans.exported}/${spans.ended}`] : []),
  ]);
  const title = styleText("bold", `${name}: CPU a message above the empty one, ${rounds} rounds`);
  const shares = ratios.map(
    (share) => `${share.path} of ${share.of}: ${figure(share.value)} (${interval(share)})`,
  );
  return [title, ...columns([head, ...rows], [0]), ...shares].join("\n");
}

/** All budgets beside what was measured, and with `verdicts` whether they are kept. */
export function budgetTable(sections: readonly Section[], verdicts: boolean): string {
  const figures = sections.flatMap(({ name, figures }) =>
    figures.map((each) => ({ name, ...each })),
  );
  const head = ["section", "path", "of", "budget", "stretch", "floor", "measured", "95 %", ""];
  const rows = figures.map((each) => [
    each.name,
    each.path,
    each.of,
    figure(each.budget),
    figure(each.stretch),
    each.floor === undefined ? "" : figure(each.floor.value),
    figure(each.value),
    interval(each),
    verdicts ? each.verdict : "",
  ]);
  const [title, ...lines] = columns([head, ...rows], [0, 1, 2, 8]);
  const coloured = lines.map((line, at) => {
    const verdict = figures[at]?.verdict;
    return verdict === undefined || !verdicts ? line : styleText([...COLOURS[verdict]], line);
  });
  return [styleText("bold", title ?? ""), ...coloured].join("\n");
}
