import { fault } from "../../guard.ts";
import type { Settlement } from "../../settle.ts";
import { Source } from "../../source.ts";
import type { Tracing } from "../../tracing.ts";
import { librdkafkaFormat } from "./format.ts";

/** The sources of one consumer's messages, a partition each, made as partitions are first seen. */
export class Partitions {
  private readonly tracing: Tracing;
  private readonly groupId: () => string | undefined;
  private readonly topics = new Map<string, (Source | undefined)[]>();

  /** @param groupId asked late: some clients know their group only once they are connected. */
  constructor(tracing: Tracing, groupId: () => string | undefined) {
    this.tracing = tracing;
    this.groupId = groupId;
  }

  of(topic: string, partition: number): Source {
    let sources = this.topics.get(topic);
    if (sources === undefined) this.topics.set(topic, (sources = []));
    return (sources[partition] ??= new Source(librdkafkaFormat, this.tracing, {
      system: "kafka",
      destination: topic,
      partition,
      ...this.group(),
    }));
  }

  /** Undefined where it can't be worked out: the message is then left to its handler. */
  find(topic: unknown, partition: unknown): Source | undefined {
    try {
      return this.of(topic as string, partition as number);
    } catch (error) {
      fault("adapter", error);
      return undefined;
    }
  }

  /**
   * What a commit is of: its topic, where it is one; undefined where that is to be left alone.
   * `offsets` are one, several, or none for whatever was consumed.
   */
  settlementOf(offsets: unknown): Settlement | undefined {
    try {
      const listed = Array.isArray(offsets) ? (offsets as unknown[]) : [offsets];
      const topics = new Set(listed.map((each) => (each as { topic?: unknown } | null)?.topic));
      const [topic] = topics;
      const destination = topics.size === 1 && typeof topic === "string" ? topic : undefined;
      const known = destination === undefined ? undefined : this.topics.get(destination);
      if (known?.some((source) => source?.ignored)) return undefined;
      return { system: "kafka", destination, group: this.group().group };
    } catch (error) {
      fault("adapter", error);
      return undefined;
    }
  }

  private group(): { group?: string } {
    const group = this.groupId();
    return group === undefined ? {} : { group };
  }
}

/** A setting of a classic client, which shows what it was made with. */
export function settingOf(client: object | undefined | null, name: string): string | undefined {
  const { globalConfig } = (client ?? {}) as { globalConfig?: Record<string, unknown> };
  const value = globalConfig?.[name];
  return typeof value === "string" ? value : undefined;
}
