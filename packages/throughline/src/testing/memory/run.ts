import type { ConsumerRunConfig } from "kafkajs";
import type { MemoryBatch } from "./batch.ts";
import { Commits } from "./commits.ts";
import { givenUp, isRetriable } from "./errors.ts";
import { CONSUMER_EVENTS, type Events } from "./events.ts";
import type { Group, Member } from "./group.ts";
import { handOver } from "./hand-over.ts";
import { Paused } from "./paused.ts";
import type { Loop, Running } from "./running.ts";

/** What a run is made from. */
export interface RunFacts {
  readonly group: Group;
  readonly running: Running;
  readonly events: Events;
  readonly topics: Member["topics"];
  readonly config: ConsumerRunConfig;
  /** How often a record is delivered again whose handler fails. */
  readonly retries: number;
}

/** One run of a consumer, from run() to stop() or a crash. */
export class Run implements Loop, Member {
  readonly topics: Member["topics"];
  readonly config: ConsumerRunConfig;
  readonly group: Group;
  readonly commits: Commits;
  readonly events: Events;
  readonly paused: Paused = new Paused();
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  active = true;
  idle = false;
  private readonly running: Running;
  private readonly retries: number;
  private readonly failures = new Map<
    string,
    { readonly position: number; readonly count: number }
  >();
  private readonly handled = new Set<MemoryBatch>();
  private wakeUp: () => void = () => {};

  constructor({ group, running, events, topics, config, retries }: RunFacts) {
    this.topics = topics;
    this.config = config;
    this.group = group;
    this.commits = new Commits(group, this, events, config);
    this.events = events;
    this.running = running;
    this.retries = retries;
    group.join(this);
    running.add(this);
    // Started here, so that handlers inherit what is active around run(), as they do from kafkajs,
    // and never what is active around a send.
    this.ended = this.consume();
  }

  get doing(): string {
    const batches = [...this.handled].map(
      ({ topic, partition, messages: [first] }) =>
        `${topic}[${partition}] from offset ${first?.offset}`,
    );
    return `${this.group.groupId} is handling ${batches.join(", ") || "nothing yet"}`;
  }

  isPaused(topic: string, partition: number): boolean {
    return this.paused.isPaused(topic, partition);
  }

  wake(): void {
    this.idle = false;
    this.wakeUp();
  }

  /** Lets the batch that is being handled come to its end. */
  async stop(): Promise<void> {
    this.active = false;
    this.wake();
    await this.ended;
  }

  private async consume(): Promise<void> {
    while (this.active) {
      // What one send has appended is fetched together; and a loop over it starves no timer.
      await new Promise((resolve) => setImmediate(resolve));
      if (!this.active) break;
      const batches = this.group.fetch(this);
      if (batches.length > 0) await this.handle(batches);
      else await this.woken();
    }
    this.group.leave(this);
    this.running.remove(this);
  }

  private async woken(): Promise<void> {
    const woken = new Promise<void>((resolve) => (this.wakeUp = resolve));
    this.idle = true;
    this.running.look();
    await woken;
  }

  /** As many partitions at a time as the application wants. */
  private async handle(batches: MemoryBatch[]): Promise<void> {
    const waiting = [...batches];
    const work = async (): Promise<void> => {
      for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
        await this.handleOne(batch);
      }
    };
    const { partitionsConsumedConcurrently: workers = 1 } = this.config;
    await Promise.all(Array.from({ length: workers }, work));
  }

  private async handleOne(batch: MemoryBatch): Promise<void> {
    this.handled.add(batch);
    try {
      if (this.active) await handOver(batch, this);
    } catch (error) {
      this.commits.commitAutomatically();
      this.failed(batch, error);
    } finally {
      this.handled.delete(batch);
      this.group.release(batch);
      this.running.wake();
    }
  }

  /** Delivered again from where it failed, at once: a test waits for no back-off. */
  private failed({ topic, partition }: MemoryBatch, error: unknown): void {
    const place = `${topic}[${partition}]`;
    const position = this.group.position(topic, partition);
    const before = this.failures.get(place);
    const count = before?.position === position ? before.count + 1 : 1;
    this.failures.set(place, { position, count });
    if (isRetriable(error) && count <= this.retries) return;
    this.active = false;
    const crash = givenUp(error, count - 1);
    this.running.crashed(crash);
    const { groupId } = this.group;
    this.events.emit(CONSUMER_EVENTS.STOP);
    this.events.emit(CONSUMER_EVENTS.DISCONNECT);
    this.events.emit(CONSUMER_EVENTS.CRASH, { error: crash, groupId, restart: false });
  }
}
