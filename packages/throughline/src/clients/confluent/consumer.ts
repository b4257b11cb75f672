import type { KafkaJS } from "@confluentinc/kafka-javascript";
import { batchDelivered, deliverUnopened, processDelivered } from "../../deliver.ts";
import { fault } from "../../guard.ts";
import { opensOwnScopes } from "../../retry.ts";
import { Call } from "../../run.ts";
import { settle } from "../../settle.ts";
import type { Tracing } from "../../tracing.ts";
import { wrap } from "../../wrap.ts";
import { Partitions, settingOf } from "../librdkafka/partitions.ts";

type RunConfig = KafkaJS.ConsumerRunConfig;
type EachMessage = NonNullable<RunConfig["eachMessage"]>;
type EachBatch = NonNullable<RunConfig["eachBatch"]>;

/** A consumer of the promised interface whose handlers run in the context of their message. */
export function tracedConsumer(
  consumer: KafkaJS.Consumer,
  tracing: Tracing,
  groupId: string | undefined,
): KafkaJS.Consumer {
  const partitions = new Partitions(
    tracing,
    () => groupId ?? groupOf(consumer) ?? tracing.options.groupId,
  );
  return wrap(consumer, {
    run: (own, self, args) =>
      Reflect.apply(own, self, [configured(args[0], partitions), ...args.slice(1)]),
    commitOffsets(own, self, args) {
      const commit = (): unknown => Reflect.apply(own, self, args);
      const settlement = partitions.settlementOf(args[0]);
      return settlement === undefined ? commit() : settle("commit", tracing, settlement, commit);
    },
  });
}

/** A consumer shows its group once it is connected, on the classic client that it stands on. */
function groupOf(consumer: KafkaJS.Consumer): string | undefined {
  try {
    const { _getInternalClient: inner } = consumer as { _getInternalClient?: () => object };
    return settingOf(inner?.call(consumer), "group.id");
  } catch (error) {
    fault("adapter", error);
    return undefined;
  }
}

// What can't be read is handed to the client as it is, so that it says so in its own way.
function configured(config: unknown, partitions: Partitions): unknown {
  if (config === null || typeof config !== "object") return config;
  try {
    return tracedRun(config, partitions);
  } catch (error) {
    fault("adapter", error);
    return config;
  }
}

/** A copy, as the client makes one itself: it refuses some settings where they are there at all. */
function tracedRun(config: RunConfig, partitions: Partitions): RunConfig {
  const copy = { ...config };
  const { eachMessage, eachBatch } = copy;
  if (typeof eachMessage === "function") copy.eachMessage = tracedEach(eachMessage, partitions);
  if (typeof eachBatch === "function") copy.eachBatch = tracedBatch(eachBatch, partitions);
  return copy;
}

function tracedEach(handler: EachMessage, partitions: Partitions): EachMessage {
  const deliver = opensOwnScopes(handler) ? deliverUnopened : processDelivered;
  return function eachMessage(this: unknown, payload: KafkaJS.EachMessagePayload) {
    const source = partitions.find(payload.topic, payload.partition);
    const call = new Call(handler, this, payload);
    return source === undefined ? call.bare() : deliver(payload.message, source, call);
  };
}

function tracedBatch(handler: EachBatch, partitions: Partitions): EachBatch {
  return function eachBatch(this: unknown, payload: KafkaJS.EachBatchPayload) {
    const { topic, partition, messages } = payload.batch;
    const source = partitions.find(topic, partition);
    const call = new Call(handler, this, payload);
    return source === undefined ? call.bare() : batchDelivered(messages, source, call);
  };
}
