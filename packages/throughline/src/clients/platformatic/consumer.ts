import type { Consumer } from "@platformatic/kafka";
import { fault } from "../../guard.ts";
import { settle, type Settlement } from "../../settle.ts";
import { Source } from "../../source.ts";
import type { Tracing } from "../../tracing.ts";
import { wrap } from "../../wrap.ts";
import { callWith } from "./callback.ts";
import { platformaticFormat } from "./format.ts";
import { watchFetches } from "./fetches.ts";

/** A consumer whose messages processMessage knows, and whose commits have spans. */
export function tracedConsumer<Client extends Pick<Consumer, "groupId">>(
  consumer: Client,
  tracing: Tracing,
): Client {
  const partitions = new Partitions(tracing, consumer);
  watchFetches(consumer, partitions);
  return wrap(consumer, {
    commit(own, self, args) {
      const settlement = settlementOf(args[0], partitions);
      if (settlement === undefined) return Reflect.apply(own, self, args);
      if (typeof args[1] !== "function") {
        return settle("commit", tracing, settlement, () => Reflect.apply(own, self, args));
      }
      return commitWithCallback(own, self, args, (call) =>
        settle("commit", tracing, settlement, call),
      );
    },
  });
}

/** The sources of one consumer's messages, a partition each, made as partitions are first seen. */
class Partitions {
  private readonly tracing: Tracing;
  private readonly consumer: Pick<Consumer, "groupId">;
  private readonly topics = new Map<string, (Source | undefined)[]>();

  constructor(tracing: Tracing, consumer: Pick<Consumer, "groupId">) {
    this.tracing = tracing;
    this.consumer = consumer;
  }

  of(topic: string, partition: number): Source {
    let sources = this.topics.get(topic);
    if (sources === undefined) this.topics.set(topic, (sources = []));
    return (sources[partition] ??= new Source(platformaticFormat, this.tracing, {
      system: "kafka",
      destination: topic,
      partition,
      group: this.consumer.groupId,
    }));
  }

  /** What a commit is of: its topic, where it is one; undefined where that is to be left alone. */
  settlementOf(offsets: readonly { topic?: unknown }[]): Settlement | undefined {
    const topics = new Set(offsets.map((offset) => offset?.topic));
    const [topic] = topics;
    const destination = topics.size === 1 && typeof topic === "string" ? topic : undefined;
    const known = destination === undefined ? undefined : this.topics.get(destination);
    if (known?.some((source) => source?.ignored)) return undefined;
    return { system: "kafka", destination, group: this.consumer.groupId };
  }
}

function settlementOf(options: unknown, partitions: Partitions): Settlement | undefined {
  try {
    const { offsets } = options as { offsets?: unknown };
    return Array.isArray(offsets) ? partitions.settlementOf(offsets) : undefined;
  } catch (error) {
    fault("adapter", error);
    return undefined;
  }
}

/** The span of a commit that tells its outcome to a callback ends with a promise of it. */
function commitWithCallback(
  own: Function,
  self: object,
  args: readonly unknown[],
  settling: (call: () => Promise<void>) => Promise<void>,
): unknown {
  let returned: unknown;
  const ended = settling(
    () =>
      new Promise<void>((resolve, reject) => {
        returned = callWith(own, self, args, {
          end: (failed, error) => (failed ? reject(error) : resolve()),
        });
      }),
  );
  // The callback has been told; nobody else is to hear of it.
  ended.catch(() => {});
  return returned;
}
