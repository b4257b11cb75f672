import { inFreshProcess } from "../child.ts";
import type { Effort, Samples } from "../measure.ts";
import { type Ran, type Section, sectionOf } from "../results.ts";
import { ratio } from "../statistics.ts";
import { notBuilt } from "./native.ts";
import { type ClientSection, SECTIONS } from "./sections.ts";

/** A quarter of a minute a section: all of them take six minutes at most. */
export const FULL: Effort = { rounds: 200, runs: 3, warmUp: 6, limitMs: 14_000 };
/** Enough to see that everything runs; the figures say nothing. */
const SHORT: Effort = { rounds: 2, runs: 1, warmUp: 1, limitMs: 20_000 };

/** What each client's adapter adds to the bare client, beside its OpenTelemetry instrumentation. */
export async function run(short: boolean, progress: (text: string) => void): Promise<Ran> {
  if (notBuilt !== undefined)
    console.error(`clients, without Confluent's and rdkafka: ${notBuilt}`);
  const sections: Section[] = [];
  for (const section of SECTIONS) {
    sections.push(await measured(section, short ? SHORT : FULL, progress));
  }
  return { sections };
}

/** One client's sends or its processing, in a process of its own. */
export async function measured(
  section: ClientSection,
  effort: Effort,
  progress: (text: string) => void,
): Promise<Section> {
  const { client, what, peer, note } = section;
  const name = `${client} ${what}`;
  const samples = await inFreshProcess<Samples>(
    new URL("process.ts", import.meta.url),
    { section, effort },
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
  return { ...sectionOf(name, samples), ratios, ...(note !== undefined && { note }) };
}
