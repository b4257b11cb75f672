import type { Variant } from "../measure.ts";
import type { Tally } from "../telemetry.ts";

/** A variant that can be held to what it claims to do. */
export interface CheckedVariant extends Variant {
  readonly tally: Tally;
  /** Spans that one run ends. */
  readonly spansARun: number;
}

/**
 * Runs each variant once and counts its spans: a bench that silently traces nothing is fast.
 *
 * @throws {Error} naming the variant, where it does not end the spans that it should.
 */
export async function check(variants: readonly CheckedVariant[]): Promise<void> {
  for (const { id, prepare, tally, spansARun } of variants) {
    const before = tally.ended;
    await (await prepare()).run();
    const ended = tally.ended - before;
    if (ended !== spansARun) {
      throw new Error(`bench: ${id} ended ${ended} spans where it should end ${spansARun}`);
    }
  }
}
