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
export * from "./subpath.ts";
export { w3cPropagator } from "./w3c.ts";
