import type { Tracing } from "../../tracing.ts";
import { tracedClassicConsumer } from "./consume.ts";
import { tracedClassicProducer, tracedHighLevelProducer } from "./produce.ts";

/** A classic client traced, by what it can do; undefined for what is none. */
export function tracedClassic<Client extends object>(
  client: Client,
  tracing: Tracing,
): Client | undefined {
  if ("produce" in client && "poll" in client) {
    return "setValueSerializer" in client
      ? tracedHighLevelProducer(client, tracing)
      : tracedClassicProducer(client, tracing);
  }
  if ("consume" in client && "subscribe" in client) return tracedClassicConsumer(client, tracing);
  return undefined;
}
