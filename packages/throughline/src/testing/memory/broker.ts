import { type SpanContext, TraceFlags } from "@opentelemetry/api";
import type { Kafka, KafkaMessage, Message } from "kafkajs";
import { formatTraceparent } from "../../w3c/traceparent.ts";
import { memoryAdmin } from "./admin.ts";
import { deliver } from "./batch.ts";
import { memoryConsumer } from "./consumer.ts";
import { encode, type Encoded } from "./encode.ts";
import { silentLogger } from "./events.ts";
import { isMessage } from "./log.ts";
import { keyedPartitioner } from "./partitioner.ts";
import { memoryProducer } from "./producer.ts";
import { BrokerState } from "./state.ts";

/** A record of a topic, with the partition that it is in. */
export type MemoryRecord = KafkaMessage & { readonly partition: number };

/** A Kafka in memory, for tests of handlers that are written for kafkajs. */
export interface MemoryBroker {
  /** A client, as `new Kafka(…)` of kafkajs makes it: give it to `traced`, or use it as it is. */
  readonly kafka: Kafka;
  /** One more client of this broker, as another service holds it. */
  client(): Kafka;
  /**
   * Adds a record as another service sends it: with a traceparent, of a trace of its own.
   *
   * @returns the context that the record carries: what the spans of its handling belong to.
   */
  publish(topic: string, message: Message): SpanContext;
  /** Adds a record as it stands, as a client in any language may have written it. */
  append(topic: string, record: Partial<Encoded>, partition?: number): void;
  /** What a topic holds: messages that were committed, in the order of their partitions. */
  records(topic: string): MemoryRecord[];
  /** The offset that a group has committed, the next to be read after a restart; undefined where none was. */
  committed(groupId: string, topic: string, partition?: number): string | undefined;
  /**
   * Resolves when every running consumer has handled all that is there for it, what its handlers
   * have sent meanwhile included. Paused partitions are not waited for.
   *
   * @param timeoutMs default 5,000.
   * @throws the error of a consumer that has given up: its cause is what the handler threw. An
   * Error that says which handler is still busy, after the timeout.
   */
  drained(timeoutMs?: number): Promise<void>;
}

/** How a memory broker is laid out. */
export interface MemoryBrokerOptions {
  /** Partitions of a topic that is not made by createTopics. Default 1. */
  readonly partitions?: number;
}

/**
 * A Kafka in memory. Producers and consumers behave as kafkajs's do: text arrives as Buffers, a
 * repeated header as a list, a thrown handler gets its record again and its group the offsets that
 * it resolved. A record that fails 1 + `retry.retries` times ends its consumer, which is not
 * restarted; nothing waits for a back-off.
 *
 * @throws {RangeError} where a topic would have no partition.
 * @example
 * ```ts
 * import { context, propagation, trace } from "@opentelemetry/api";
 * import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
 * import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
 * import { w3cPropagator } from "throughline";
 * import { traced } from "throughline/kafkajs";
 * import { collectSpans, memoryBroker } from "throughline/testing";
 *
 * const spans = collectSpans();
 * trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [spans] }));
 * context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
 * propagation.setGlobalPropagator(w3cPropagator());
 *
 * // The application's own code: it takes a Kafka, and does not know which.
 * const broker = memoryBroker();
 * const consumer = traced(broker.kafka).consumer({ groupId: "payments" });
 * await consumer.subscribe({ topics: ["orders"] });
 * await consumer.run({
 *   eachMessage: async () => trace.getTracer("payments").startSpan("charge card").end(),
 * });
 *
 * const order = broker.publish("orders", { value: "42" });
 * await broker.drained();
 * spans.expectSpan("charge card").inTraceOf(order).childOf("process orders");
 * await consumer.disconnect();
 * ```
 */
export function memoryBroker({ partitions = 1 }: MemoryBrokerOptions = {}): MemoryBroker {
  if (!Number.isInteger(partitions) || partitions < 1) {
    throw new RangeError(
      `memoryBroker: partitions must be a whole number from 1, got ${partitions}`,
    );
  }
  const state = new BrokerState(partitions);
  const { log, running } = state;
  const partitionOf = keyedPartitioner();
  const client = (): Kafka => ({
    producer: (config) => memoryProducer(state, config),
    consumer: (config) => memoryConsumer(state, config),
    admin: () => memoryAdmin(state),
    logger: () => silentLogger,
  });
  const append = (
    topic: string,
    record: Partial<Encoded>,
    partition: number,
    timestampMs: number,
  ) => {
    const message = { key: null, value: null, headers: [], ...record };
    log.partition(topic, partition).append(message, timestampMs);
    running.wake();
  };

  return {
    kafka: client(),
    client,
    publish(topic, message) {
      const created = newContext();
      const headers = { ...message.headers, traceparent: formatTraceparent(created, false) };
      const partitionMetadata = log.metadata(topic);
      const partition = partitionOf({ topic, partitionMetadata, message });
      const timestampMs = Number(message.timestamp ?? Date.now());
      append(topic, encode({ ...message, headers }), partition, timestampMs);
      return created;
    },
    append: (topic, record, partition = 0) => append(topic, record, partition, Date.now()),
    records: (topic) =>
      log.partitions(topic).flatMap((held, partition) =>
        held
          .read(0)
          .filter(isMessage)
          .map((record) => ({ ...deliver(record, {}), partition })),
      ),
    committed(groupId, topic, partition = 0) {
      const offset = state.group(groupId).committed(topic, partition);
      return offset === undefined ? undefined : String(offset);
    },
    drained: (timeoutMs = 5000) => running.drained(timeoutMs),
  };
}

function newContext(): SpanContext {
  const traceId = hex(16);
  return { traceId, spanId: hex(8), traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

function hex(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
}
