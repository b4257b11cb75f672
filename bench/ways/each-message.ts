import { meters } from "../telemetry.ts";
import { kj, ours, oursWithoutSpans, untouched } from "./clients.ts";
import {
  articleHandler,
  bareContextHandler,
  bareRecordHandler,
  bareSpanHandler,
  floorHandler,
  type Handler,
} from "./handlers.ts";
import { fourfold, type Way } from "./way.ts";

const none = { aMessage: 0, aBatch: 0 } as const;
const one = { aMessage: 1, aBatch: 0 } as const;
const off = { sampled: false, meters: false } as const;
const on = { sampled: true, meters: false } as const;
const asGiven = (work: Handler) => ({ eachMessage: work });

/** What the SDK's part alone comes to, sampled or not. */
function bare(sampling: typeof on | typeof off): Way[] {
  const way = (id: string, handler: typeof floorHandler): Way => ({
    id: sampling.sampled ? id : `${id}, unsampled`,
    ...sampling,
    client: untouched,
    handlers: (work, { tracerProvider }) => ({ eachMessage: handler(tracerProvider, work) }),
    spans: one,
  });
  return [way("bare span", bareSpanHandler), way("floor", floorHandler)];
}

/** Every way of handling one message at a time. */
export const eachMessageWays: readonly Way[] = [
  { id: "empty", ...off, client: untouched, handlers: asGiven, spans: none },
  {
    id: "context.with",
    ...off,
    client: untouched,
    handlers: (work) => ({ eachMessage: bareContextHandler(work) }),
    spans: none,
  },
  {
    id: "bare record",
    ...off,
    client: untouched,
    handlers: (work) => ({ eachMessage: bareRecordHandler(meters(), work) }),
    spans: none,
  },
  ...[on, off].flatMap((sampling) => bare(sampling)),
  {
    id: "article",
    ...on,
    client: untouched,
    handlers: (work, { tracerProvider }) => ({ eachMessage: articleHandler(tracerProvider, work) }),
    spans: one,
  },
  ...fourfold("KJ", { client: kj, handlers: asGiven, spans: one }),
  { id: "propagation", ...on, client: oursWithoutSpans, handlers: asGiven, spans: none },
  ...fourfold("full", { client: ours, handlers: asGiven, spans: one }),
];
