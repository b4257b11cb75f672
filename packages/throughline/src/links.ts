// Under a global symbol: a traced client of another copy of this library finds them too.
const KEY = Symbol.for("throughline.links.2");
interface Links {
  /** Made with the first call of links(): until then a message to send costs no look-up. */
  madeFrom?: WeakMap<object, readonly object[]>;
}
const shared = globalThis as { [KEY]?: Links };
const known: Links = (shared[KEY] ??= {});

/**
 * Says that a message to send was made from several consumed ones: an aggregate, a join, a batch
 * written as one record. The span that sends it links to each of theirs. Gives `message` itself
 * back, which is not written to.
 *
 * @param message the very object that is then given to a traced producer.
 * @param from the consumed messages: one that is given twice is one, and at most 128 are linked.
 * @example
 * ```ts
 * import type { KafkaMessage, Producer } from "kafkajs";
 * import { links } from "throughline/kafkajs";
 *
 * export const sendCount = (producer: Producer, batch: KafkaMessage[]) =>
 *   producer.send({
 *     topic: "counts",
 *     messages: [links({ value: String(batch.length) }, batch)],
 *   });
 * ```
 */
export function links<Message extends object>(message: Message, from: Iterable<object>): Message {
  (known.madeFrom ??= new WeakMap()).set(message, [...new Set(from)]);
  return message;
}

const NONE: readonly object[] = [];

/** The messages that a message to send was made from. */
export function linkedMessages(message: object): readonly object[] {
  return known.madeFrom?.get(message) ?? NONE;
}
