import type { InstrumentationEvent, Logger } from "kafkajs";
import { refusal } from "./errors.ts";

type Listener = (event: InstrumentationEvent<unknown>) => unknown;

/** The events that one client emits, under kafkajs's names. */
export class Events {
  private readonly names: ReadonlySet<string>;
  private readonly listeners = new Map<string, Set<Listener>>();
  private emitted = 0;

  constructor(names: Readonly<Record<string, string>>) {
    this.names = new Set(Object.values(names));
  }

  /** Gives a function that takes the listener away again. */
  on(name: string, listener: Listener): () => void {
    if (!this.names.has(name)) {
      throw refusal(`Event name should be one of ${[...this.names].join(", ")}`);
    }
    const listeners = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** A listener that fails harms neither the client nor the other listeners. */
  emit(name: string, payload: unknown = null): void {
    for (const listener of this.listeners.get(name) ?? []) {
      const event = { id: String(this.emitted++), type: name, timestamp: Date.now(), payload };
      void (async () => listener(event))().catch(() => {});
    }
  }
}

export const PRODUCER_EVENTS = {
  CONNECT: "producer.connect",
  DISCONNECT: "producer.disconnect",
  REQUEST: "producer.network.request",
  REQUEST_TIMEOUT: "producer.network.request_timeout",
  REQUEST_QUEUE_SIZE: "producer.network.request_queue_size",
} as const;

export const CONSUMER_EVENTS = {
  HEARTBEAT: "consumer.heartbeat",
  COMMIT_OFFSETS: "consumer.commit_offsets",
  GROUP_JOIN: "consumer.group_join",
  FETCH_START: "consumer.fetch_start",
  FETCH: "consumer.fetch",
  START_BATCH_PROCESS: "consumer.start_batch_process",
  END_BATCH_PROCESS: "consumer.end_batch_process",
  CONNECT: "consumer.connect",
  DISCONNECT: "consumer.disconnect",
  STOP: "consumer.stop",
  CRASH: "consumer.crash",
  REBALANCING: "consumer.rebalancing",
  RECEIVED_UNSUBSCRIBED_TOPICS: "consumer.received_unsubscribed_topics",
  REQUEST: "consumer.network.request",
  REQUEST_TIMEOUT: "consumer.network.request_timeout",
  REQUEST_QUEUE_SIZE: "consumer.network.request_queue_size",
} as const;

/** kafkajs's logger, which writes nothing here. */
export const silentLogger: Logger = {
  info() {},
  error() {},
  warn() {},
  debug() {},
  namespace: () => silentLogger,
  setLogLevel() {},
};
