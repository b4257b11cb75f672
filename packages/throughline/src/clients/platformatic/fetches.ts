import { subscribe } from "node:diagnostics_channel";
import { fault } from "../../guard.ts";
import type { Source } from "../../source.ts";
import type { Consumed } from "./format.ts";

// A stream calls no handler, and may be read in any way that Node's streams have. Which consumer a
// message came through is told by the client itself, on a diagnostics channel; the messages of one
// fetch share an object, which is what it is remembered by.

/** Finds the source of a message of one consumer's. */
interface Partitions {
  of(topic: string, partition: number): Source;
}

// Under a global symbol: two copies of this library agree on who delivered a message.
const KEY = Symbol.for("throughline.platformatic.fetches.1");
const shared = globalThis as { [KEY]?: WeakMap<object, Partitions> };
const fetches: WeakMap<object, Partitions> = (shared[KEY] ??= new WeakMap<object, Partitions>());

const consumers = new WeakMap<object, Partitions>();
let listening = false;
let last: object | undefined;

/** Takes note of what a consumer's streams deliver from now on. */
export function watchFetches(consumer: object, partitions: Partitions): void {
  consumers.set(consumer, partitions);
  if (listening) return;
  listening = true;
  subscribe("tracing:plt:kafka:consumer:receives:asyncStart", onMessage);
}

/** What it throws would become an uncaught exception of the host's. */
function onMessage(event: unknown): void {
  try {
    const { client, result } = event as { client: object; result?: Consumed };
    const fetch = fetchOf(result);
    if (fetch === undefined || fetch === last) return;
    const partitions = consumers.get(client);
    if (partitions === undefined) return;
    last = fetch;
    fetches.set(fetch, partitions);
  } catch (error) {
    fault("adapter", error);
  }
}

/** Where a message came from that a traced consumer's stream delivered; a copy of it is known as well. */
export function deliveredBy(message: Consumed): Source | undefined {
  const { topic, partition } = message;
  const fetch = fetchOf(message);
  if (fetch === undefined || topic === undefined || partition === undefined) return undefined;
  return fetches.get(fetch)?.of(topic, partition);
}

/** The object that every message of one fetch holds, whatever a deserializer adds to its metadata. */
function fetchOf(message: Consumed | undefined): object | undefined {
  const fetch = message?.metadata?.["consumer"];
  return typeof fetch === "object" && fetch !== null ? fetch : undefined;
}
