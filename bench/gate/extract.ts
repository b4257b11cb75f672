import {
  ROOT_CONTEXT,
  type TextMapGetter,
  type TextMapPropagator,
  trace,
} from "@opentelemetry/api";
import type { KafkaMessage } from "kafkajs";
import { w3cPropagator } from "throughline";
import { contextOf } from "throughline/kafkajs";
import { extract } from "../../packages/throughline/src/extract.ts";
import { readRegistered } from "../../packages/throughline/src/registered.ts";
import type { Variant } from "../measure.ts";
import { type Capture, captured } from "../records.ts";
import { stockPropagator } from "../telemetry.ts";

type Headers = NonNullable<KafkaMessage["headers"]>;
/** Gives the trace id that it finds on a message. */
type Reader = (message: KafkaMessage) => string | undefined;

/** The least that a getter for Buffers can do. */
const getter: TextMapGetter<Headers> = {
  get: (headers, name) => headers[name]?.toString(),
  keys: (headers) => Object.keys(headers),
};

function reading(propagator: TextMapPropagator): Reader {
  return ({ headers }) =>
    trace.getSpanContext(propagator.extract(ROOT_CONTEXT, headers, getter as TextMapGetter))
      ?.traceId;
}

/** Every way of reading the context off a message. */
export async function extracting(capture: Capture): Promise<Variant[]> {
  const { carrying } = readRegistered({});
  const readers: Record<string, Reader> = {
    empty: ({ offset }) => offset,
    stock: reading(stockPropagator()),
    // What a consumer runs for each message.
    extract: ({ headers }) => extract(headers, carrying, "new", ROOT_CONTEXT).parent?.traceId,
    "as propagator": reading(w3cPropagator()),
    contextOf: (message) => trace.getSpanContext(contextOf(message))?.traceId,
  };
  const fetch = captured(capture);
  const fresh = async (): Promise<KafkaMessage[]> =>
    (await fetch()).flatMap((batch) => batch.messages);
  const held = await fresh();
  return Object.entries(readers).map(([id, read]) => ({
    id,
    messages: held.length,
    async prepare() {
      const messages = await fresh();
      return { run: () => readAll(messages, read) };
    },
  }));
}

/** Throws where a reader has found nothing: one that gives up at once is fast. */
function readAll(messages: readonly KafkaMessage[], read: Reader): void {
  let found = 0;
  for (const message of messages) if (read(message) !== undefined) found += 1;
  if (found !== messages.length) throw new Error("a context was not found");
}
