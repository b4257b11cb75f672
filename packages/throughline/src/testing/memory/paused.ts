/** Which partitions a consumer has paused, as kafkajs keeps them. */
export class Paused {
  private readonly topics = new Map<
    string,
    { all: boolean; paused: Set<number>; resumed: Set<number> }
  >();

  isPaused(topic: string, partition: number): boolean {
    const held = this.topics.get(topic);
    if (held === undefined) return false;
    return held.paused.has(partition) || (held.all && !held.resumed.has(partition));
  }

  /** Without partitions: the whole topic. */
  pause(topic: string, partitions: readonly number[] | undefined): void {
    const held = this.of(topic);
    if (partitions === undefined) {
      this.topics.set(topic, { all: true, paused: new Set(), resumed: new Set() });
      return;
    }
    for (const partition of partitions) {
      held.paused.add(partition);
      held.resumed.delete(partition);
    }
  }

  resume(topic: string, partitions: readonly number[] | undefined): void {
    const held = this.of(topic);
    if (partitions === undefined) {
      this.topics.delete(topic);
      return;
    }
    for (const partition of partitions) {
      held.paused.delete(partition);
      if (held.all) held.resumed.add(partition);
    }
  }

  private of(topic: string): { all: boolean; paused: Set<number>; resumed: Set<number> } {
    let held = this.topics.get(topic);
    if (held === undefined) {
      held = { all: false, paused: new Set(), resumed: new Set() };
      this.topics.set(topic, held);
    }
    return held;
  }
}
