import type { ConsumerRunConfig } from "kafkajs";
import { meters, type Telemetry } from "../telemetry.ts";
import type { Client } from "./clients.ts";
import type { Handler } from "./handlers.ts";

/** One way of having messages handled: a client, and the handlers that the application gives it. */
export interface Way {
  readonly id: string;
  readonly sampled: boolean;
  readonly meters: boolean;
  readonly client: Client;
  /** `work` is the application's own, done once for each message. */
  handlers(work: Handler, telemetry: Telemetry): ConsumerRunConfig;
  /** The spans that messages and batches end, where spans are sampled. */
  readonly spans: { readonly aMessage: 0 | 1; readonly aBatch: 0 | 1 };
}

/** One way with and without sampling, and each of these with and without meters. */
export function fourfold(id: string, way: Omit<Way, "id" | "sampled" | "meters">): Way[] {
  return [
    { ...way, id, sampled: true, meters: false },
    { ...way, id: `${id}, unsampled`, sampled: false, meters: false },
    { ...way, id: `${id}, meters`, sampled: true, meters: true },
    { ...way, id: `${id}, unsampled, meters`, sampled: false, meters: true },
  ];
}

/** Where a way's telemetry goes, given its spans' provider. */
export function telemetryOf(way: Way, tracerProvider: Telemetry["tracerProvider"]): Telemetry {
  return way.meters ? { tracerProvider, meterProvider: meters() } : { tracerProvider };
}
