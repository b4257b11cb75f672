import type { Samples } from "./measure.ts";

/** A figure with the interval that holds it in 95 of 100 runs. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2000;

/** The middle of some numbers; NaN for none. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[half] as number)
    : ((sorted[half - 1] ?? Number.NaN) + (sorted[half] ?? Number.NaN)) / 2;
}

/** Microseconds that a variant adds to its floor, by their differences round by round. */
export function added(samples: Samples, id: string, floor: string): Estimate {
  const difference = paired(samples, id, floor);
  return estimated(difference.length, (rounds) => middleOf(difference, rounds));
}

/** One variant's cost as a share of another's, each above its own floor. */
export function ratio(
  samples: Samples,
  [id, floor]: readonly [id: string, floor: string],
  [otherId, otherFloor]: readonly [id: string, floor: string],
): Estimate {
  const own = paired(samples, id, floor);
  const other = paired(samples, otherId, otherFloor);
  return estimated(own.length, (rounds) => middleOf(own, rounds) / middleOf(other, rounds));
}

function paired(samples: Samples, id: string, floor: string): number[] {
  const own = samplesOf(samples, id);
  const base = samplesOf(samples, floor);
  return own.map((us, round) => us - (base[round] as number));
}

function samplesOf(samples: Samples, id: string): readonly number[] {
  const own = samples[id];
  if (own === undefined) throw new Error(`nothing called ${id} was measured`);
  return own;
}

function middleOf(numbers: readonly number[], rounds: readonly number[]): number {
  return median(rounds.map((round) => numbers[round] as number));
}

/** The bootstrap: the figure again and again over rounds drawn with putting back. */
function estimated(rounds: number, figure: (rounds: readonly number[]) => number): Estimate {
  const all = Array.from({ length: rounds }, (_, round) => round);
  const random = seeded(rounds);
  const drawn = Array.from({ length: RESAMPLES }, () =>
    figure(all.map(() => Math.floor(random() * rounds))),
  ).toSorted((one, other) => one - other);
  return {
    value: figure(all),
    low: drawn[Math.floor(RESAMPLES * 0.025)] as number,
    high: drawn[Math.ceil(RESAMPLES * 0.975) - 1] as number,
  };
}

/** The same samples give the same interval: a linear congruential generator (Numerical Recipes). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
