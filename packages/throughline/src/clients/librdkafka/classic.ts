import type { Tracing } from "../../tracing.ts";
import { tracedClassicConsumer } from "./consume.ts";
import { type TakesHeader, tracedClassicProducer, tracedHighLevelProducer } from "./produce.ts";

/**
 * A classic client traced, by what it can do; undefined for what is none. `takes` tells which
 * values of a header its producer takes.
 */
export function tracedClassic<Client extends object>(
  client: Client,
  tracing: Tracing,
  takes: TakesHeader,
): Client | undefined {
  if ("produce" in client && "poll" in client) {
    return "setValueSerializer" in client
      ? tracedHighLevelProducer(client, tracing, takes)
      : tracedClassicProducer(client, tracing, takes);
  }
  if ("consume" in client && "subscribe" in client) return tracedClassicConsumer(client, tracing);
  return undefined;
}
