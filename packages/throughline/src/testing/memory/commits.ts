import type { ConsumerRunConfig, Offsets } from "kafkajs";
import { CONSUMER_EVENTS, type Events } from "./events.ts";
import type { Group, Member } from "./group.ts";

type Policy = Pick<ConsumerRunConfig, "autoCommit" | "autoCommitInterval" | "autoCommitThreshold">;

/** What one member of a group commits, and when. */
export class Commits {
  private readonly group: Group;
  private readonly member: Member;
  private readonly events: Events;
  private readonly policy: Policy;
  private lastMs = Date.now();

  constructor(group: Group, member: Member, events: Events, policy: Policy) {
    this.group = group;
    this.member = member;
    this.events = events;
    this.policy = policy;
  }

  get automatic(): boolean {
    return this.policy.autoCommit !== false;
  }

  /** Offsets that are resolved and not committed yet. */
  uncommitted(): {
    topics: { topic: string; partitions: { partition: number; offset: string }[] }[];
  } {
    const topics = [...this.member.topics.keys()].map((topic) => ({
      topic,
      partitions: this.group
        .held(this.member)
        .filter((held) => held.topic === topic)
        .filter(({ partition }) => this.isBehind(topic, partition))
        .map(({ partition }) => ({
          // kafkajs gives it as text, whatever its types say.
          partition: String(partition) as unknown as number,
          offset: String(this.group.position(topic, partition)),
        })),
    }));
    return { topics: topics.filter(({ partitions }) => partitions.length > 0) };
  }

  /** Commits these, or whatever is resolved. */
  commit({ topics }: Offsets = this.uncommitted()): void {
    this.lastMs = Date.now();
    if (topics.length === 0) return;
    for (const { topic, partitions } of topics) {
      for (const { partition, offset } of partitions) this.group.commit(topic, partition, offset);
    }
    const { groupId } = this.group;
    this.events.emit(CONSUMER_EVENTS.COMMIT_OFFSETS, { groupId, topics });
  }

  /** After a batch, and when one fails. */
  commitAutomatically(): void {
    if (this.automatic) this.commit();
  }

  /** Within a batch: where the interval is over, or the threshold reached. */
  commitIfDue(): void {
    const { autoCommitInterval: intervalMs, autoCommitThreshold: threshold } = this.policy;
    const resolved = this.group
      .held(this.member)
      .reduce((sum, { topic, partition }) => sum + this.behind(topic, partition), 0);
    const due =
      (typeof intervalMs === "number" && Date.now() - this.lastMs >= intervalMs) ||
      (typeof threshold === "number" && resolved >= threshold);
    if (due) this.commit();
  }

  private isBehind(topic: string, partition: number): boolean {
    return this.behind(topic, partition) > 0;
  }

  private behind(topic: string, partition: number): number {
    const { group } = this;
    return group.position(topic, partition) - (group.committed(topic, partition) ?? 0);
  }
}
