/**
 * How the span that processes a message relates to the message's creation context:
 * `parent` continues the producer's trace, `link` starts a trace of its own that links to it,
 * `both` continues and links.
 */
export type Relation = "parent" | "link" | "both";

/** What a relation may depend on besides the message itself. */
export interface RelationFacts {
  /** Milliseconds since the message's timestamp; undefined where the broker gives none. */
  readonly ageMs: number | undefined;
}

/** A relation chosen message by message. */
export type ChooseRelation = (message: object, facts: RelationFacts) => Relation;

/**
 * Continues the producer's trace for messages younger than `ms` milliseconds and links to it for
 * older ones, so that a backlog or a replay does not stretch a trace over hours. A message without
 * a timestamp is continued.
 *
 * @throws {RangeError} where `ms` is not a positive number.
 * @example
 * ```ts
 * import assert from "node:assert";
 * import { parentWithin } from "throughline";
 *
 * const relation = parentWithin(60_000);
 * assert.equal(relation({}, { ageMs: 59_000 }), "parent");
 * assert.equal(relation({}, { ageMs: 61_000 }), "link");
 * ```
 */
export function parentWithin(ms: number): ChooseRelation {
  if (!(ms > 0)) throw new RangeError(`parentWithin: ms must be a positive number, got ${ms}`);
  return (_message, { ageMs }) => (ageMs === undefined || ageMs <= ms ? "parent" : "link");
}
