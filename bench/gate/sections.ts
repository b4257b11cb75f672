import type { Variant } from "../measure.ts";
import { CAPTURED } from "../records.ts";
import { eachBatchWays } from "../ways/each-batch.ts";
import { eachMessageWays } from "../ways/each-message.ts";
import { check, type CheckedVariant } from "./checked.ts";
import { consuming } from "./consume.ts";
import { extracting } from "./extract.ts";
import { CALLS, sends, type Size } from "./send.ts";

/** Gives the variants of one arrow of the flow, each held to the spans that it should end. */
export type Section = () => Promise<readonly Variant[]>;

async function checked(variants: readonly CheckedVariant[]): Promise<readonly Variant[]> {
  await check(variants);
  return variants;
}

/** The arrows that the gate measures; each in a process of its own, so that none warms another's code. */
export const sections: Readonly<Record<string, Section>> = {
  ...Object.fromEntries(CAPTURED.map((each) => [`extract ${each}`, () => extracting(each)])),
  eachMessage: async () => checked(await Promise.all(eachMessageWays.map(consuming))),
  eachBatch: async () => checked(await Promise.all(eachBatchWays.map(consuming))),
  ...Object.fromEntries(
    Object.keys(CALLS).map((size) => [`send ${size}`, () => checked(sends(Number(size) as Size))]),
  ),
};
