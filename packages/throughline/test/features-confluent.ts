import type { Features } from "throughline/testing";

/** What Confluent's client has by its promised interface, on a real Kafka. */
export const features: Features = {
  sendMany: true,
  batches: true,
  concurrency: "the client runs side by side only what one fetch brought, and first fetches one",
  loop: true,
  handlerErrors: true,
  redelivery: true,
  errorReports: "the client logs a handler's error as text, and gives it to nobody",
  settlement: true,
  ownSettlement: "offsets are committed, which are no message's own",
  refusing: "Kafka keeps its records: there is nothing to refuse",
  settlementTimeouts: true,
  pulling: "the client hands records to handlers alone",
  sendingOn: "what the client sends and what it hands over are different objects",
  brokerDeadLetters: "Kafka dead-letters nothing by itself",
  promisesOfItself:
    "transaction() gives the producer itself, which the claim of transactions shows",
  retries: true,
  repeatedHeaders: true,
  emptyHeaders: "the client gives a header without a value as an empty one, and sends none",
  emptyTexts: true,
  tombstones: true,
  frozenMessages: "the bare client writes to the messages that it sends, and fails on frozen ones",
  compression: true,
  transactions: true,
  refusals: true,
  failedSends: true,
};
