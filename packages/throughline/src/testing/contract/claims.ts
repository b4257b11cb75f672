import type { Claim } from "./claim.ts";
import { batch } from "./claims/batch.ts";
import { carried } from "./claims/carried.ts";
import { client } from "./claims/client.ts";
import { deadLetters } from "./claims/dead-letters.ts";
import { failure } from "./claims/failure.ts";
import { forwarding } from "./claims/forwarding.ts";
import { handling } from "./claims/handling.ts";
import { host } from "./claims/host.ts";
import { kinds } from "./claims/kinds.ts";
import { off } from "./claims/off.ts";
import { pulling } from "./claims/pulling.ts";
import { relation } from "./claims/relation.ts";
import { sending } from "./claims/sending.ts";
import { settlement } from "./claims/settlement.ts";
import { settlementTimeouts } from "./claims/settlement-timeouts.ts";
import { untouched } from "./claims/untouched.ts";

/** All claims, in the order in which they are tested. */
export const claims: readonly Claim[] = [
  ...handling,
  ...failure,
  ...sending,
  ...carried,
  ...relation,
  ...batch,
  ...settlement,
  ...settlementTimeouts,
  ...pulling,
  ...forwarding,
  ...deadLetters,
  ...kinds,
  ...off,
  ...untouched,
  ...host,
  ...client,
];
