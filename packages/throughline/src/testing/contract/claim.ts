import type { FeatureName } from "./features.ts";
import type { Stage } from "./stage.ts";

/** One claim of the contract: its name says it, and its body fails where it is false. */
export interface Claim {
  readonly name: string;
  /** Features that the client must have for the claim to mean anything. */
  readonly needs?: readonly FeatureName[];
  /** The SDK that is registered meanwhile. Default: one that samples everything. */
  readonly sdk?: "sampling" | "sampling nothing" | "none";
  readonly body: (stage: Stage) => Promise<void>;
}
