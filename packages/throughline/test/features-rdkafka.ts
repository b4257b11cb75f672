import type { Features } from "throughline/testing";

/** What node-rdkafka, and Confluent's client by the same interface, have on a real Kafka. */
export const features: Features = {
  sendMany: "produce() takes one message",
  batches: true,
  concurrency: true,
  loop: true,
  handlerErrors: true,
  redelivery:
    "a classic consumer does not wait for its listeners, and gives nothing again by itself",
  errorReports: true,
  settlement: true,
  ownSettlement: "offsets are committed, which are no message's own",
  refusing: "Kafka keeps its records: there is nothing to refuse",
  settlementTimeouts: "a classic consumer does not wait for its listeners: none is too slow for it",
  pulling: "consume(number, callback) hands over a batch, which is tested as such",
  sendingOn: "what the client sends and what it hands over are different objects",
  brokerDeadLetters: "Kafka dead-letters nothing by itself",
  promisesOfItself: "the classic interface has no promises",
  retries: true,
  repeatedHeaders: true,
  emptyHeaders: "the client gives a header without a value as an empty one, and sends none",
  emptyTexts: true,
  tombstones: true,
  frozenMessages: true,
  compression: true,
  transactions: true,
  refusals: true,
  failedSends: true,
};
