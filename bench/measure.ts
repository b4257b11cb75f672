import { setImmediate } from "node:timers/promises";

/** One way of doing the same work, whose CPU time is to be known. */
export interface Variant {
  readonly id: string;
  /** Messages that one run takes. */
  readonly messages: number;
  /** Makes the messages of a run, new ones each time. */
  prepare(): Promise<Run> | Run;
}

export interface Run {
  /** What is measured. */
  run(): Promise<unknown> | void;
  /** Clears up. */
  after?(): Promise<void>;
}

export interface Effort {
  readonly rounds: number;
  /** Runs of each variant in a round. */
  readonly runs: number;
  /** Rounds before those that count. */
  readonly warmUp: number;
  /** No further round is begun after so many milliseconds. */
  readonly limitMs: number;
}

/** CPU time in microseconds a message, a number a round; the same place is the same round in every variant. */
export type Samples = Readonly<Record<string, readonly number[]>>;

/**
 * Runs every variant once a round, in a new random order each time, so that whatever else the
 * machine does falls on all of them.
 *
 * Garbage is left to the engine: a variant makes it collect as often as it fills the young
 * generation. Forced in between, a full collection throws away compiled code (decision 0041).
 */
export async function measure(
  variants: readonly Variant[],
  { rounds, runs, warmUp, limitMs }: Effort,
  progress: (round: number, variant: string) => void = () => {},
): Promise<Samples> {
  const samples: Record<string, number[]> = Object.fromEntries(variants.map(({ id }) => [id, []]));
  const until = performance.now() + limitMs;
  for (let round = -warmUp; round < rounds; round++) {
    if (round > 0 && performance.now() > until) break;
    // Variants may well go from promise to promise: signals and messages are heard here.
    await setImmediate();
    for (const variant of shuffled(variants)) {
      progress(round + warmUp + 1, variant.id);
      const us = await cpuOf(variant, runs);
      if (round >= 0) samples[variant.id]?.push(us / (runs * variant.messages));
    }
  }
  return samples;
}

async function cpuOf(variant: Variant, runs: number): Promise<number> {
  let us = 0;
  for (let at = 0; at < runs; at++) {
    const prepared = await variant.prepare();
    const before = process.cpuUsage();
    await prepared.run();
    const { user, system } = process.cpuUsage(before);
    us += user + system;
    await prepared.after?.();
  }
  return us;
}

function shuffled<Each>(all: readonly Each[]): Each[] {
  const order = [...all];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [order[last], order[other]] = [order[other] as Each, order[last] as Each];
  }
  return order;
}
