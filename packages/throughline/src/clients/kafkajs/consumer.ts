import type { Consumer, ConsumerRunConfig, EachBatchPayload, EachMessagePayload } from "kafkajs";
import { fault } from "../../guard.ts";
import { batchDelivered, deliverUnopened, processDelivered } from "../../deliver.ts";
import { Call } from "../../run.ts";
import { opensOwnScopes } from "../../retry.ts";
import { Source } from "../../source.ts";
import type { Tracing } from "../../tracing.ts";
import { type Method, wrap } from "../../wrap.ts";
import { settle, type Settlement } from "../../settle.ts";
import { kafkajsFormat } from "./format.ts";

/** What is known of a consumer besides itself. */
export interface ConsumerFacts {
  /** Undefined for one whose configuration was not seen. */
  readonly groupId: string | undefined;
  /** OpenTelemetry's own instrumentation is on this consumer: spans and metrics are its. */
  readonly instrumented: boolean;
}

/** A consumer whose handlers run in the context of their message. */
export function tracedConsumer(
  consumer: Consumer,
  tracing: Tracing,
  facts: ConsumerFacts,
): Consumer {
  const partitions = new Partitions(tracing, facts);
  if (facts.groupId === undefined) partitions.learnGroup(consumer);
  const methods: Record<string, Method> = {
    run: (own, self, args) =>
      Reflect.apply(own, self, [configured(args[0], partitions), ...args.slice(1)]),
    commitOffsets(own, self, args) {
      const commit = (): unknown => Reflect.apply(own, self, args);
      const settlement = settlementOf(args[0], partitions);
      return settlement === undefined ? commit() : settle("commit", tracing, settlement, commit);
    },
  };
  return wrap(consumer, methods);
}

/** The sources of one consumer's messages, a partition each, made as partitions are first seen. */
class Partitions {
  private readonly tracing: Tracing;
  private readonly instrumented: boolean;
  private groupId: string | undefined;
  private readonly topics = new Map<string, (Source | undefined)[]>();

  constructor(tracing: Tracing, facts: ConsumerFacts) {
    this.tracing = tracing;
    this.instrumented = facts.instrumented;
    this.groupId = facts.groupId ?? tracing.options.groupId;
  }

  /** A consumer does not show its group; it tells it when it joins, before the first message. */
  learnGroup(consumer: Consumer): void {
    try {
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        this.groupId = payload.groupId;
      });
    } catch (error) {
      fault("adapter", error);
    }
  }

  private of(topic: string, partition: number): Source {
    let sources = this.topics.get(topic);
    if (sources === undefined) this.topics.set(topic, (sources = []));
    return (sources[partition] ??= new Source(
      kafkajsFormat,
      this.tracing,
      { system: "kafka", destination: topic, partition, ...this.group() },
      this.instrumented,
    ));
  }

  /** Undefined where it can't be worked out: the message is then left to its handler. */
  find(topic: string, partition: number): Source | undefined {
    try {
      return this.of(topic, partition);
    } catch (error) {
      fault("adapter", error);
      return undefined;
    }
  }

  /** What a commit is of: its topic, where it is one; undefined where that is to be left alone. */
  settlementOf(offsets: unknown): Settlement | undefined {
    const topics = Array.isArray(offsets)
      ? new Set(offsets.map((offset: { topic?: unknown } | null) => offset?.topic))
      : new Set();
    const [topic] = topics;
    const destination = topics.size === 1 && typeof topic === "string" ? topic : undefined;
    const known = destination === undefined ? undefined : this.topics.get(destination);
    if (known?.some((source) => source?.ignored)) return undefined;
    return { system: "kafka", destination, group: this.groupId };
  }

  private group(): { group?: string } {
    return this.groupId === undefined ? {} : { group: this.groupId };
  }
}

// What can't be read is handed to kafkajs as it is, so that it says so in its own way.

function configured(config: unknown, partitions: Partitions): unknown {
  if (config === null || typeof config !== "object") return config;
  try {
    return tracedRun(config, partitions);
  } catch (error) {
    fault("adapter", error);
    return config;
  }
}

function settlementOf(offsets: unknown, partitions: Partitions): Settlement | undefined {
  try {
    return partitions.settlementOf(offsets);
  } catch (error) {
    fault("adapter", error);
    return undefined;
  }
}

/** The configuration of a run with its handlers wrapped: the fields that kafkajs knows, each read once. */
function tracedRun(config: ConsumerRunConfig, partitions: Partitions): ConsumerRunConfig {
  const { eachMessage, eachBatch } = config;
  return {
    autoCommit: config.autoCommit,
    autoCommitInterval: config.autoCommitInterval,
    autoCommitThreshold: config.autoCommitThreshold,
    eachBatchAutoResolve: config.eachBatchAutoResolve,
    partitionsConsumedConcurrently: config.partitionsConsumedConcurrently,
    eachMessage:
      typeof eachMessage === "function" ? tracedEachMessage(eachMessage, partitions) : eachMessage,
    eachBatch: typeof eachBatch === "function" ? tracedEachBatch(eachBatch, partitions) : eachBatch,
  } as ConsumerRunConfig;
}

type EachMessage = NonNullable<ConsumerRunConfig["eachMessage"]>;
type EachBatch = NonNullable<ConsumerRunConfig["eachBatch"]>;

function tracedEachMessage(handler: EachMessage, partitions: Partitions): EachMessage {
  const deliver = opensOwnScopes(handler) ? deliverUnopened : processDelivered;
  return function eachMessage(this: unknown, payload: EachMessagePayload) {
    const source = partitions.find(payload.topic, payload.partition);
    const call = new Call(handler, this, payload);
    return source === undefined ? call.bare() : deliver(payload.message, source, call);
  };
}

function tracedEachBatch(handler: EachBatch, partitions: Partitions): EachBatch {
  return function eachBatch(this: unknown, payload: EachBatchPayload) {
    const { topic, partition, messages } = payload.batch;
    const source = partitions.find(topic, partition);
    const call = new Call(handler, this, payload);
    return source === undefined ? call.bare() : batchDelivered(messages, source, call);
  };
}
