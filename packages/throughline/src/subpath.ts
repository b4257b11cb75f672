/**
 * What every subpath exports beside the functions and types of its own client.
 *
 * @module
 */
export type { DeadLetterOptions } from "./dead-letter.ts";
export type { DeadLetterOrigin } from "./dead-letter-origin.ts";
export { links } from "./links.ts";
export type { Delivery } from "./message.ts";
export type { Options, Result } from "./options.ts";
export {
  type ChooseRelation,
  parentWithin,
  type Relation,
  type RelationFacts,
} from "./relation.ts";
export type { RetryPolicy } from "./retry.ts";
