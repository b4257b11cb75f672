/**
 * throughline's core: for any broker. A client that has a subpath of its own (`throughline/kafkajs`)
 * is better served by that.
 *
 * @module
 */
export {
  contextOf,
  deadLetter,
  deadLetterOf,
  injectContext,
  processBatch,
  processMessage,
  withRetries,
} from "./any-broker.ts";
export type { DeadLetterOptions } from "./dead-letter.ts";
export type { DeadLetterOrigin } from "./dead-letter-origin.ts";
export { links } from "./links.ts";
export type { Delivery } from "./message.ts";
export type { Options, Result } from "./options.ts";
export type { RetryPolicy } from "./retry.ts";
export {
  type ChooseRelation,
  parentWithin,
  type Relation,
  type RelationFacts,
} from "./relation.ts";
export { w3cPropagator } from "./w3c.ts";
