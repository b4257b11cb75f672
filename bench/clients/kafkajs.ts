import type { CheckedVariant } from "../gate/checked.ts";
import { consuming } from "../gate/consume.ts";
import { sends } from "../gate/send.ts";
import { eachMessageWays } from "../ways/each-message.ts";

/** The gate's variants by the names that all clients' have here. */
const NAMES: Readonly<Record<string, string>> = {
  empty: "empty",
  full: "ours",
  "full, unsampled": "ours, unsampled",
  propagation: "ours, spans off",
  KJ: "peer",
  "KJ, unsampled": "peer, unsampled",
};

function named(variants: readonly CheckedVariant[]): CheckedVariant[] {
  return variants.flatMap((variant) => {
    const id = NAMES[variant.id];
    return id === undefined ? [] : [{ ...variant, id }];
  });
}

export async function kafkajsProcess(): Promise<CheckedVariant[]> {
  return named(await Promise.all(eachMessageWays.map(consuming)));
}

export function kafkajsSend(): CheckedVariant[] {
  return named(sends(1));
}
