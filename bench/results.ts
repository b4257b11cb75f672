import { budgets, type Budget, type Verdict, verdictOf } from "./budgets.ts";
import type { Samples } from "./measure.ts";
import { added, type Estimate, median } from "./statistics.ts";

/** One variant of a section. */
export interface Cost {
  readonly id: string;
  /** Microseconds of CPU a message above the section's empty variant; of that one, its own. */
  readonly us: Estimate;
  /** Spans that reached the exporter, of those that ended. */
  readonly spans?: Spans;
}

export interface Spans {
  readonly exported: number;
  readonly ended: number;
}

/** A budget, and what was measured. */
export interface Figure extends Estimate, Pick<Budget, "path" | "of" | "budget" | "stretch"> {
  /** The same figure for the least that any implementation must do. */
  readonly floor?: Estimate;
  readonly verdict: Verdict;
}

/** One arrow of the flow, measured. */
export interface Section {
  readonly name: string;
  readonly rounds: number;
  readonly costs: readonly Cost[];
  readonly figures: readonly Figure[];
  /** Shares of what is measured beside, where nothing was promised of them. */
  readonly ratios?: readonly (Estimate & Pick<Budget, "path" | "of">)[];
  /** What the two do otherwise. */
  readonly note?: string;
}

/** What a whole bench gives: sections, or why there are none. */
export interface Ran {
  readonly sections: readonly Section[];
  readonly absence?: { readonly what: string; readonly why: string; readonly wayOut: string };
}

/** What a section's samples come to; `spans` by variant, where they were exported. */
export function sectionOf(
  name: string,
  samples: Samples,
  spans: Readonly<Record<string, Spans>> = {},
): Section {
  const empty = samples["empty"] ?? [];
  const costs = Object.keys(samples).map((id): Cost => {
    const own = spans[id];
    const us = id === "empty" ? spread(empty) : added(samples, id, "empty");
    return { id, us, ...(own !== undefined && own.ended > 0 && { spans: own }) };
  });
  const figures = (budgets[name] ?? []).map((each): Figure => {
    const estimate = each.figure(samples);
    const floor = each.floor?.(samples);
    const { path, of, budget, stretch } = each;
    const verdict = verdictOf(estimate, each, floor);
    return { path, of, budget, stretch, ...estimate, ...(floor && { floor }), verdict };
  });
  return { name, rounds: empty.length, costs, figures };
}

function spread(numbers: readonly number[]): Estimate {
  return { value: median(numbers), low: Math.min(...numbers), high: Math.max(...numbers) };
}
