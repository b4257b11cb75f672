import type { Log } from "./log.ts";
import { MemoryBatch } from "./batch.ts";

/** One member's claim on topics. */
export interface Member {
  readonly topics: ReadonlyMap<string, { readonly fromBeginning: boolean }>;
  isPaused(topic: string, partition: number): boolean;
}

/** Where one partition of a topic stands for a group. */
interface Place {
  owner: Member | undefined;
  /** The next offset to fetch. */
  position: number;
  /** The next offset to fetch after a restart; undefined where none was committed. */
  committed: number | undefined;
  /** Where a group without a committed offset starts. */
  start: number;
  /** An offset that the application wants to go on from. */
  sought: number | undefined;
  /** Its records are being handled. */
  busy: boolean;
}

/** A consumer group: which member has which partition, and how far each is read and committed. */
export class Group {
  readonly groupId: string;
  private readonly log: Log;
  private readonly members: Member[] = [];
  private readonly places = new Map<string, Map<number, Place>>();

  constructor(groupId: string, log: Log) {
    this.groupId = groupId;
    this.log = log;
  }

  join(member: Member): void {
    this.members.push(member);
    for (const [topic, { fromBeginning }] of member.topics) {
      this.log.partitions(topic).forEach((partition, at) => {
        const place = this.place(topic, at);
        if (place.committed === undefined) place.start = fromBeginning ? 0 : partition.end;
      });
    }
  }

  leave(member: Member): void {
    const at = this.members.indexOf(member);
    if (at >= 0) this.members.splice(at, 1);
  }

  /** The partitions that a member has: of each topic, every n-th of those that want it. */
  owned(member: Member): { topic: string; partition: number }[] {
    return [...member.topics.keys()].flatMap((topic) => {
      const wanting = this.members.filter(({ topics }) => topics.has(topic));
      return this.log
        .partitions(topic)
        .map((_, partition) => ({ topic, partition }))
        .filter(({ partition }) => wanting[partition % wanting.length] === member);
    });
  }

  /** The partitions whose records a member was the last to fetch, be they given to another since. */
  held(member: Member): { topic: string; partition: number }[] {
    return [...this.places].flatMap(([topic, partitions]) =>
      [...partitions]
        .filter(([, { owner }]) => owner === member)
        .map(([partition]) => ({ topic, partition })),
    );
  }

  /** One batch of each partition that has something for this member. The caller releases each. */
  fetch(member: Member): MemoryBatch[] {
    return this.owned(member).flatMap(({ topic, partition }) => {
      const place = this.place(topic, partition);
      if (place.busy || member.isPaused(topic, partition)) return [];
      // A new owner goes on from what was committed, as after any rebalance.
      if (place.owner !== member) place.position = place.committed ?? place.start;
      place.owner = member;
      if (place.sought !== undefined) place.position = place.sought;
      place.sought = undefined;
      const { end, records } = this.ahead(topic, partition, place.position);
      if (records.length === 0) return [];
      place.busy = true;
      return [new MemoryBatch(topic, partition, end, records)];
    });
  }

  release({ topic, partition }: MemoryBatch): void {
    this.place(topic, partition).busy = false;
  }

  /** A record has been handled: the next fetch starts behind it. */
  resolve(topic: string, partition: number, offset: string): void {
    this.place(topic, partition).position = Number(offset) + 1;
  }

  seek(topic: string, partition: number, offset: string): void {
    const { end } = this.log.partition(topic, partition);
    const asked = Number(offset);
    this.place(topic, partition).sought = asked === -1 ? end : Math.max(0, asked);
  }

  isSought(topic: string, partition: number): boolean {
    return this.place(topic, partition).sought !== undefined;
  }

  position(topic: string, partition: number): number {
    return this.place(topic, partition).position;
  }

  committed(topic: string, partition: number): number | undefined {
    return this.place(topic, partition).committed;
  }

  commit(topic: string, partition: number, offset: string): void {
    this.place(topic, partition).committed = Number(offset);
  }

  private ahead(topic: string, partition: number, from: number) {
    const { end } = this.log.partition(topic, partition);
    return { end, records: this.log.partition(topic, partition).read(from) };
  }

  private place(topic: string, partition: number | string): Place {
    let partitions = this.places.get(topic);
    if (partitions === undefined) this.places.set(topic, (partitions = new Map()));
    // kafkajs gives partitions out as text here and there, and takes them as such.
    const at = Number(partition);
    let place = partitions.get(at);
    if (place === undefined) {
      place = {
        owner: undefined,
        position: 0,
        committed: undefined,
        start: 0,
        sought: undefined,
        busy: false,
      };
      partitions.set(at, place);
    }
    return place;
  }
}
