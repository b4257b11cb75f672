import type { Consumer, ConsumerConfig, ConsumerRunConfig } from "kafkajs";
import { refusal } from "./errors.ts";
import { CONSUMER_EVENTS, Events, silentLogger } from "./events.ts";
import { Run } from "./run.ts";
import type { BrokerState } from "./state.ts";

/** As many as kafkajs makes by default. */
const RETRIES = 5;

/** A consumer of the memory broker, as kafkajs's. */
export function memoryConsumer(state: BrokerState, config: ConsumerConfig): Consumer {
  const { groupId, retry } = config;
  if (!groupId) throw refusal("Consumer groupId must be a non-empty string.");
  const group = state.group(groupId);
  const events = new Events(CONSUMER_EVENTS);
  const topics = new Map<string, { fromBeginning: boolean }>();
  let latest: Run | undefined;
  const running = (): Run | undefined => (latest?.active === true ? latest : undefined);
  const started = (): Run => {
    const run = running();
    if (run !== undefined) return run;
    throw refusal("Consumer group was not initialized, consumer#run must be called first");
  };
  const stop = async (): Promise<void> => {
    const run = running();
    await latest?.stop();
    if (run !== undefined) events.emit(CONSUMER_EVENTS.STOP);
  };

  return {
    connect: async () => events.emit(CONSUMER_EVENTS.CONNECT),
    async disconnect() {
      await stop();
      events.emit(CONSUMER_EVENTS.DISCONNECT);
    },
    async subscribe(subscription) {
      if (running() !== undefined) {
        throw refusal("Cannot subscribe to topic while consumer is running");
      }
      for (const topic of subscribed(subscription, state)) {
        topics.set(topic, { fromBeginning: subscription.fromBeginning === true });
        state.log.create(topic);
      }
    },
    stop,
    async run(runConfig: ConsumerRunConfig = {}) {
      if (running() !== undefined) return;
      const run = new Run({
        group,
        running: state.running,
        events,
        topics: new Map(topics),
        config: runConfig,
        retries: retry?.retries ?? RETRIES,
      });
      latest = run;
      const memberAssignment: Record<string, number[]> = {};
      for (const { topic, partition } of group.owned(run)) {
        (memberAssignment[topic] ??= []).push(partition);
      }
      events.emit(CONSUMER_EVENTS.GROUP_JOIN, { groupId, memberAssignment });
      // The members that were there before may have to give partitions up.
      state.running.wake();
    },
    async commitOffsets(offsets) {
      const { commits } = started();
      for (const { topic, partition, offset } of offsets) {
        commits.commit({ topics: [{ topic, partitions: [{ partition, offset }] }] });
      }
    },
    seek({ topic, partition, offset }) {
      const run = started();
      group.seek(topic, partition, offset);
      if (run.commits.automatic && Number(offset) >= 0) group.commit(topic, partition, offset);
      run.wake();
    },
    async describeGroup() {
      const state = running() === undefined ? "Empty" : "Stable";
      const protocol = "RoundRobinAssigner";
      return { groupId, members: [], protocol, protocolType: "consumer", state };
    },
    pause(toPause) {
      const { paused } = started();
      for (const { topic, partitions } of toPause) paused.pause(topic, partitions);
    },
    paused() {
      const run = running();
      if (run === undefined) return [];
      const held = group
        .owned(run)
        .filter(({ topic, partition }) => run.isPaused(topic, partition));
      return [...new Set(held.map(({ topic }) => topic))].map((topic) => ({
        topic,
        partitions: held.filter((one) => one.topic === topic).map(({ partition }) => partition),
      }));
    },
    resume(toResume) {
      const run = started();
      for (const { topic, partitions } of toResume) run.paused.resume(topic, partitions);
      run.wake();
    },
    on: (name: string, listener: (event: never) => void) =>
      events.on(name, listener as Parameters<Events["on"]>[1]),
    events: CONSUMER_EVENTS,
    logger: () => silentLogger,
  };
}

function subscribed(
  subscription: Parameters<Consumer["subscribe"]>[0],
  { log }: BrokerState,
): string[] {
  const { topic, topics } = subscription as {
    topic?: string | RegExp;
    topics?: (string | RegExp)[];
  };
  const wanted = topics ?? (topic === undefined ? undefined : [topic]);
  if (!wanted) throw refusal('Missing required argument "topics"');
  if (!Array.isArray(wanted)) throw refusal('Argument "topics" must be an array');
  return wanted.flatMap((each) =>
    each instanceof RegExp ? log.names().filter((name) => each.test(name)) : [each],
  );
}
