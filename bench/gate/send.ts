import { context, type Context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Message, Producer } from "kafkajs";
import { StubKafka } from "../stub-kafka.ts";
import { meters, Tally, tracers } from "../telemetry.ts";
import { type Client, kj, ours, oursWithoutSpans, untouched } from "../ways/clients.ts";
import { bareSend, floorSend } from "./bare-send.ts";
import type { CheckedVariant } from "./checked.ts";

/** How many messages a call sends, and how many calls one run makes. */
export const CALLS = { 1: 600, 100: 6, 500: 2 } as const;
export type Size = keyof typeof CALLS;

// Orders are sent while a request is handled: there is a span to continue.
const REQUEST: Context = trace.setSpanContext(ROOT_CONTEXT, {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: 1,
});

function orders(size: Size): Message[][] {
  return Array.from({ length: CALLS[size] }, (_, call) =>
    Array.from({ length: size }, (_, at) => ({
      key: `order-${call * size + at}`,
      value: '{"id":1,"sku":"9ad2f10c","quantity":2}',
      headers: { "content-type": "application/json", "event-type": "order.placed" },
    })),
  );
}

interface Choice {
  readonly client: Client;
  readonly sampled?: boolean;
  readonly metered?: boolean;
  /** The spans of one call, where spans are sampled. */
  readonly spans: number;
  /** What the application does to its producer by itself. */
  readonly by?: typeof bareSend;
}

function sending(id: string, size: Size, choice: Choice): CheckedVariant {
  const { client, sampled = true, metered = false, spans, by } = choice;
  const tally = new Tally();
  const tracerProvider = tracers(tally, sampled);
  const telemetry = { tracerProvider, ...(metered && { meterProvider: meters() }) };
  const producer: Pick<Producer, "send"> = client(StubKafka, {}, telemetry).producer();
  const sender = by === undefined ? producer : by(tracerProvider, producer);
  const sendAll = async (calls: readonly Message[][]): Promise<void> => {
    for (const messages of calls) await sender.send({ topic: "orders", messages });
  };
  return {
    id,
    messages: size * CALLS[size],
    prepare() {
      const calls = orders(size);
      return { run: () => context.with(REQUEST, sendAll, undefined, calls) };
    },
    tally,
    spansARun: sampled ? spans * CALLS[size] : 0,
  };
}

/** Every way of sending so many messages in one call. */
export function sends(size: Size): CheckedVariant[] {
  // Create spans and a send span; the send span alone for one message, and for more than 128.
  const full = size === 1 || size > 128 ? 1 : size + 1;
  const off = { sampled: false };
  return [
    sending("empty", size, { client: untouched, spans: 0 }),
    sending("bare span", size, { client: untouched, spans: size, by: bareSend }),
    sending("floor", size, { client: untouched, spans: size, by: floorSend }),
    sending("floor, unsampled", size, { client: untouched, spans: size, by: floorSend, ...off }),
    sending("KJ", size, { client: kj, spans: size }),
    sending("KJ, unsampled", size, { client: kj, spans: size, ...off }),
    sending("KJ, meters", size, { client: kj, spans: size, metered: true }),
    sending("propagation", size, { client: oursWithoutSpans, spans: 0 }),
    sending("full", size, { client: ours, spans: full }),
    sending("full, unsampled", size, { client: ours, spans: full, ...off }),
    sending("full, meters", size, { client: ours, spans: full, metered: true }),
  ];
}
