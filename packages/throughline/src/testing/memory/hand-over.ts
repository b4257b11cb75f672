import type { EachBatchPayload } from "kafkajs";
import type { MemoryBatch } from "./batch.ts";
import { CONSUMER_EVENTS } from "./events.ts";
import type { Run } from "./run.ts";

/**
 * Hands a batch to the application's handler, message by message or as a whole, and notes what it
 * resolves.
 *
 * @throws whatever the handler throws or rejects with.
 */
export async function handOver(batch: MemoryBatch, run: Run): Promise<void> {
  const { topic, partition } = batch;
  const { group, commits, events, config } = run;
  const facts = {
    topic,
    partition,
    highWatermark: batch.highWatermark,
    offsetLag: batch.offsetLag(),
    offsetLagLow: batch.offsetLagLow(),
    batchSize: batch.messages.length,
    firstOffset: batch.firstOffset(),
    lastOffset: batch.lastOffset(),
  };
  const startedMs = Date.now();
  events.emit(CONSUMER_EVENTS.START_BATCH_PROCESS, facts);
  if (batch.isEmpty()) group.resolve(topic, partition, batch.lastOffset());
  else if (config.eachMessage !== undefined) await eachMessage(batch, run, config.eachMessage);
  else if (config.eachBatch !== undefined) await eachBatch(batch, run, config.eachBatch);
  const duration = Date.now() - startedMs;
  events.emit(CONSUMER_EVENTS.END_BATCH_PROCESS, { ...facts, duration });
  commits.commitAutomatically();
}

async function eachMessage(
  batch: MemoryBatch,
  run: Run,
  handler: NonNullable<Run["config"]["eachMessage"]>,
): Promise<void> {
  const { topic, partition, messages } = batch;
  const { group, commits } = run;
  for (const message of messages) {
    if (!run.active || group.isSought(topic, partition)) return;
    await handler({
      topic,
      partition,
      message,
      heartbeat: heartbeatOf(run),
      pause: pauseOf(batch, run),
    });
    group.resolve(topic, partition, message.offset);
    if (commits.automatic) commits.commitIfDue();
    if (run.isPaused(topic, partition)) return;
  }
  // Only records that the application does not see are left: markers, and what was aborted.
  if (!group.isSought(topic, partition)) group.resolve(topic, partition, batch.lastOffset());
}

async function eachBatch(
  batch: MemoryBatch,
  run: Run,
  handler: NonNullable<Run["config"]["eachBatch"]>,
): Promise<void> {
  const { topic, partition, messages } = batch;
  const { group, commits } = run;
  const payload: EachBatchPayload = {
    batch,
    resolveOffset(offset) {
      // With the last message, the markers behind it are done as well.
      const last = offset === messages.at(-1)?.offset;
      group.resolve(topic, partition, last ? batch.lastOffset() : offset);
    },
    heartbeat: heartbeatOf(run),
    pause: pauseOf(batch, run),
    async commitOffsetsIfNecessary(offsets) {
      if (offsets === undefined) commits.commitIfDue();
      else commits.commit(offsets);
    },
    uncommittedOffsets: () => commits.uncommitted(),
    isRunning: () => run.active,
    isStale: () => group.isSought(topic, partition),
  };
  await handler(payload);
  if (run.config.eachBatchAutoResolve !== false) {
    group.resolve(topic, partition, batch.lastOffset());
  }
}

function heartbeatOf({ events, group: { groupId } }: Run): () => Promise<void> {
  return async () => events.emit(CONSUMER_EVENTS.HEARTBEAT, { groupId });
}

function pauseOf({ topic, partition }: MemoryBatch, run: Run): () => () => void {
  return () => {
    run.paused.pause(topic, [partition]);
    return () => {
      run.paused.resume(topic, [partition]);
      run.wake();
    };
  };
}
