import type { Samples } from "./measure.ts";
import { added, type Estimate, ratio } from "./statistics.ts";

/** One figure that the library is held to. */
export interface Budget {
  readonly path: string;
  /** What the figure is a share of; microseconds where it is none. */
  readonly of: string;
  readonly budget: number;
  readonly stretch: number;
  figure(samples: Samples): Estimate;
  /** The same figure for the least that any implementation must do, where the section has such. */
  floor?(samples: Samples): Estimate;
}

const above = (id: string) => [id, "empty"] as const;

function share(path: string, id: string, of: string, budget: number, stretch: number): Budget {
  const figure = (samples: Samples): Estimate => ratio(samples, above(id), above(of));
  return { path, of, budget, stretch, figure };
}

/** The same, with the floor of `id` beside it. */
function floored(path: string, id: string, of: string, budget: number, stretch: number): Budget {
  const floor = (samples: Samples): Estimate =>
    ratio(samples, above(id.replace("full", "floor")), above(of));
  return { ...share(path, id, of, budget, stretch), floor };
}

const propagation: Budget = {
  path: "propagation alone",
  of: "us",
  budget: 1,
  stretch: 0.7,
  figure: (samples) => added(samples, "propagation", "empty"),
};

/** Meters may cost one histogram record more, and nothing besides. */
const metering: Budget = {
  path: "meters on, unsampled",
  of: "a bare record",
  budget: 1,
  stretch: 1,
  figure: (samples) =>
    ratio(samples, ["full, unsampled, meters", "full, unsampled"], above("bare record")),
};

const consuming: readonly Budget[] = [
  propagation,
  floored("full semantics, unsampled", "full, unsampled", "KJ, unsampled", 0.5, 0.3),
  floored("full semantics, sampled", "full", "bare span", 1.5, 1.25),
  floored("full semantics, sampled", "full", "KJ", 0.6, 0.5),
];

const extracting = [share("W3C extract", "extract", "stock", 0.25, 0.12)];
const sending = [
  floored("send, sampled", "full", "KJ", 0.7, 0.6),
  floored("send, unsampled", "full, unsampled", "KJ, unsampled", 0.5, 0.35),
];

/** The design's budgets, by the section whose samples they are read off. */
export const budgets: Readonly<Record<string, readonly Budget[]>> = {
  "extract plain": extracting,
  "extract laden": extracting,
  eachMessage: [...consuming, metering],
  eachBatch: consuming,
  "send 1": sending,
  "send 100": sending,
};

/**
 * Whether a figure keeps its budget, as far as its interval lets one say. "Out of reach" is missed
 * where the floor misses it too: the SDK's own part is more than the budget.
 */
export type Verdict = "stretch" | "kept" | "not clear" | "out of reach" | "MISSED";

export function verdictOf(
  { low, high }: Estimate,
  { budget, stretch }: Pick<Budget, "budget" | "stretch">,
  floor?: Estimate,
): Verdict {
  if (high <= stretch && stretch < budget) return "stretch";
  if (high <= budget) return "kept";
  if (floor !== undefined && floor.low > budget) return "out of reach";
  return low > budget ? "MISSED" : "not clear";
}
