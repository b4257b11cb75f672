import type { Variant } from "../measure.ts";
import type { Tally } from "../telemetry.ts";

/** A variant that can be held to what it claims to do. */
export interface CheckedVariant extends Variant {
  readonly tally: Tally;
  /** Spans that one run ends. */
  readonly spansARun: number;
  /**
   * Looks at what the last run did.
   *
   * @throws {Error} where that is not what the variant claims to do.
   */
  proof?(): void;
}

/**
 * Runs each variant once, counts its spans and looks at its proof: a bench that silently traces
 * nothing is fast.
 *
 * @throws {Error} naming the variant, where it does not do what it should.
 */
export async function check(variants: readonly CheckedVariant[]): Promise<void> {
  for (const { id, prepare, tally, spansARun, proof } of variants) {
    const before = tally.ended;
    const prepared = await prepare();
    await prepared.run();
    await prepared.after?.();
    const ended = tally.ended - before;
    if (ended !== spansARun) {
      throw new Error(`bench: ${id} ended ${ended} spans where it should end ${spansARun}`);
    }
    try {
      proof?.();
    } catch (cause) {
      throw new Error(`bench: ${id} does not carry the context that it should`, { cause });
    }
  }
}
