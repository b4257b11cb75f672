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
}

const above = (id: string) => [id, "empty"] as const;

function share(path: string, id: string, of: string, budget: number, stretch: number): Budget {
  const figure = (samples: Samples): Estimate => ratio(samples, above(id), above(of));
  return { path, of, budget, stretch, figure };
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
  share("full semantics, unsampled", "full, unsampled", "KJ, unsampled", 0.5, 0.3),
  share("full semantics, sampled", "full", "bare span", 1.5, 1.25),
  share("full semantics, sampled", "full", "KJ", 0.6, 0.5),
];

const extracting = [share("W3C extract", "extract", "stock", 0.25, 0.12)];
const sending = [
  share("send, sampled", "full", "KJ", 0.7, 0.6),
  share("send, unsampled", "full, unsampled", "KJ, unsampled", 0.5, 0.35),
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

/** Whether a figure keeps its budget, as far as its interval lets one say. */
export type Verdict = "stretch" | "kept" | "not clear" | "MISSED";

export function verdictOf(
  { low, high }: Estimate,
  { budget, stretch }: Pick<Budget, "budget" | "stretch">,
): Verdict {
  if (high <= stretch && stretch < budget) return "stretch";
  if (high <= budget) return "kept";
  return low > budget ? "MISSED" : "not clear";
}
