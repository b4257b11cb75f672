import { inFreshProcess } from "../child.ts";
import type { Effort, Samples } from "../measure.ts";
import { type Ran, type Section, sectionOf } from "../results.ts";

/** What is measured, and for how long at most: the whole takes less than three minutes. */
const PLAN: readonly (readonly [section: string, limitMs: number])[] = [
  ["extract plain", 8_000],
  ["extract laden", 8_000],
  ["eachMessage", 45_000],
  ["eachBatch", 35_000],
  ["send 1", 14_000],
  ["send 100", 14_000],
  ["send 500", 8_000],
];

const FULL: Omit<Effort, "limitMs"> = { rounds: 200, runs: 8, warmUp: 6 };
/** Enough to see that everything runs; the figures say nothing. */
const SHORT: Omit<Effort, "limitMs"> = { rounds: 4, runs: 1, warmUp: 1 };

/** In process, over captured messages: each section in a process of its own, variants interleaved. */
export async function run(short: boolean, progress: (text: string) => void): Promise<Ran> {
  const sections: Section[] = [];
  for (const [section, limitMs] of PLAN) {
    const task = { section, effort: { ...(short ? SHORT : FULL), limitMs } };
    const samples = await inFreshProcess<Samples>(
      new URL("process.ts", import.meta.url),
      task,
      (text) => progress(`gate, ${section}: ${text}`),
    );
    sections.push(sectionOf(section, samples));
  }
  return { sections };
}
