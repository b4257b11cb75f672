import type { EachBatchPayload } from "kafkajs";
import { processMessage } from "throughline/kafkajs";
import { kj, ours, oursWithoutSpans, untouched } from "./clients.ts";
import { articleHandler, bareSpanHandler, floorHandler, type Handler } from "./handlers.ts";
import { fourfold, type Way } from "./way.ts";

/** A batch handler that gives each of its messages to a handler of its own. */
function oneByOne(work: Handler) {
  return async ({ batch: { topic, partition, messages } }: EachBatchPayload): Promise<void> => {
    for (const message of messages) await work({ topic, partition, message });
  };
}

const none = { aMessage: 0, aBatch: 0 } as const;
const one = { aMessage: 1, aBatch: 0 } as const;
const both = { aMessage: 1, aBatch: 1 } as const;
const off = { sampled: false, meters: false } as const;
const on = { sampled: true, meters: false } as const;
const asGiven = (work: Handler) => ({ eachBatch: oneByOne(work) });
const scoped = (work: Handler) => ({
  eachBatch: oneByOne(({ topic, partition, message }) =>
    processMessage(message, (own) => work({ topic, partition, message: own })),
  ),
});

/** Every way of handling a batch: as a whole, and message by message. */
export const eachBatchWays: readonly Way[] = [
  { id: "empty", ...off, client: untouched, handlers: asGiven, spans: none },
  {
    id: "bare span",
    ...on,
    client: untouched,
    handlers: (work, { tracerProvider }) => asGiven(bareSpanHandler(tracerProvider, work)),
    spans: one,
  },
  ...[on, off].map((sampling): Way => ({
    id: sampling.sampled ? "floor" : "floor, unsampled",
    ...sampling,
    client: untouched,
    handlers: (work, { tracerProvider }) => asGiven(floorHandler(tracerProvider, work)),
    spans: one,
  })),
  {
    id: "article",
    ...on,
    client: untouched,
    handlers: (work, { tracerProvider }) => asGiven(articleHandler(tracerProvider, work)),
    spans: one,
  },
  ...fourfold("KJ", { client: kj, handlers: asGiven, spans: both }),
  {
    id: "whole batch",
    ...on,
    client: ours,
    handlers: asGiven,
    spans: { aMessage: 0, aBatch: 1 },
  },
  { id: "propagation", ...on, client: oursWithoutSpans, handlers: scoped, spans: none },
  ...fourfold("full", { client: ours, handlers: scoped, spans: both }),
];
