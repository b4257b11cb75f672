import { inFreshProcess } from "../child.ts";
import type { Effort, Samples } from "../measure.ts";
import { type Ran, type Section, sectionOf } from "../results.ts";
import { ratio } from "../statistics.ts";
import { SECTIONS } from "./sections.ts";

const FULL: Effort = { rounds: 200, runs: 3, warmUp: 6, limitMs: 25_000 };
/** Enough to see that everything runs; the figures say nothing. */
const SHORT: Effort = { rounds: 4, runs: 1, warmUp: 1, limitMs: 20_000 };

/** What each client's adapter adds to the bare client, beside its OpenTelemetry instrumentation. */
export async function run(short: boolean, progress: (text: string) => void): Promise<Ran> {
  const sections: Section[] = [];
  for (const section of SECTIONS) {
    const { client, what, peer } = section;
    const name = `${client} ${what}`;
    const samples = await inFreshProcess<Samples>(
      new URL("process.ts", import.meta.url),
      { section, effort: short ? SHORT : FULL },
      (text) => progress(`clients, ${name}: ${text}`),
    );
    const ratios =
      peer === undefined
        ? []
        : ["", ", unsampled"].map((sampling) => ({
            path: `ours${sampling}`,
            of: `${peer}${sampling}`,
            ...ratio(samples, [`ours${sampling}`, "empty"], [`peer${sampling}`, "empty"]),
          }));
    sections.push({ ...sectionOf(name, samples), ratios });
  }
  return { sections };
}
