import { context, ROOT_CONTEXT, SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { after, test } from "node:test";
import { Worker } from "node:worker_threads";
import { type ISocketFactory, Kafka, logLevel } from "kafkajs";
import { createTopic } from "./kafka-topic.ts";
import { notAsked } from "./outage-asked.ts";
import { type Tracing, tracing } from "./sdk.ts";

// A broker of the test's own is stopped and started while 10,000 messages flow; in the middle of a
// handler its connections are cut, once for as long as its group waits for it, and then the broker is
// killed: what is handled and settled with us is what it is without, at the same time on the same
// broker.

const proxyThread = new URL("./proxy-thread.ts", import.meta.url);

const MESSAGES = 10_000;
const IN_FLIGHT = 500;
/** So many may be sent and not yet handled: the outage comes while messages are sent and handled. */
const WAITING = 1_000;
const OUTAGE_AT = 3_000;
/** These are sent when the outage has begun. */
const HELD_FROM = 6_000;
const PARTITIONS = 3;
const BESIDE_THE_CUT = "beside the cut";
/** The longest that a group may take to come back, and to give up a member. */
const PATIENCE_MS = 60_000;
const STEP_MS = 100;
/** The longest that nothing may be handled, on a busy machine too. */
const STALLED_MS = 120_000;
/** The longest that a client which stalled may keep the process. */
const LINGERING_MS = 10_000;
/** The shortest that a broker takes: a flow's group gives up a member that was silent for so long. */
export const SESSION_TIMEOUT_MS = 6_000;

/** One interface of one client, bare or traced, sending to a topic and consuming it. */
export interface Flow {
  /** Resolves when the broker has acknowledged the message. */
  send(value: string, partition: number): Promise<unknown>;
  /** Handles every message; settles by the means of the interface. */
  consume(handler: (value: string) => Promise<void>): Promise<void>;
  /** Settles what was handled; fails where the group has not come back yet. */
  settle(): Promise<void>;
  close(): Promise<void>;
  /**
   * Where a send is reported on by a callback: sends to a broker that does not answer, and
   * disconnects.
   */
  abandon?(meanwhile: () => void): Promise<void>;
}

export type Wrap = <Client extends object>(client: Client) => Client;
export type OpenFlow = (wrap: Wrap, brokers: string, topic: string, group: string) => Promise<Flow>;

interface RealKafka {
  readonly brokers: string;
  readonly serverPid: number;
  restart(options?: { signal: "SIGTERM" | "SIGKILL" }): Promise<void>;
  stop(): Promise<void>;
}

interface KafkaServices {
  kafkaAvailable(): Promise<{ why: string } | undefined>;
  startKafka(options: {
    progress: () => void;
    through: (target: string) => Promise<string>;
  }): Promise<RealKafka>;
}

interface Run {
  readonly name: string;
  readonly topic: string;
  readonly flow: Flow;
  readonly traceIds: Map<string, string>;
  readonly handled: Map<string, number>;
  calls: number;
  strangers: number;
  sent: number;
  failedSends: number;
  /** What to do in the middle of handling a message. */
  middle: (value: string) => Promise<void> | void;
  /** Told of each message that was handled. */
  readonly progress: Set<() => void>;
}

// The repository's own; the packed library has no broker of its own to stop.
const services: KafkaServices | undefined = await import("../../../services/kafka/start.ts").catch(
  () => undefined,
);
const absence = services === undefined ? { why: "no services/" } : await services.kafkaAvailable();
const absent = absence === undefined ? undefined : `no Kafka of our own: ${absence.why}`;

export interface OutageOptions {
  /** Why the client can't run here. */
  reason?: string | undefined;
  /**
   * How the broker ends while messages flow: in order, or by a crash. A broker that ends in order says
   * for a moment that its cluster has no broker: librdkafka forgets it then, now and then for good
   * (decisions/0034).
   */
  signal?: "SIGTERM" | "SIGKILL";
}

/** Registers the test of each interface. */
export function outageTests(
  flows: Readonly<Record<string, OpenFlow>>,
  traced: Wrap,
  { reason, signal = "SIGTERM" }: OutageOptions = {},
): void {
  let stalled = false;
  // Not by exit(): a native client that stalled holds that as well.
  after(
    () => stalled && setTimeout(() => process.kill(process.pid, "SIGKILL"), LINGERING_MS).unref(),
  );
  for (const [name, open] of Object.entries(flows)) {
    const title = `${name}: through an outage of the broker nothing is lost or settled otherwise than without us, and no span stays open`;
    test(title, { timeout: 600_000, skip: reason ?? absent ?? notAsked }, async (t) => {
      assert.ok(services);
      let proxy: Worker | undefined;
      let behindProxy = "";
      const through = async (target: string): Promise<string> => {
        await proxy?.terminate();
        behindProxy = target;
        proxy = new Worker(proxyThread, { workerData: target, execArgv: [] });
        const [host] = (await once(proxy, "message")) as [string];
        return host;
      };
      const kafka = await services.startKafka({ progress: () => {}, through });
      t.after(async () => {
        await kafka.stop();
        await proxy?.terminate();
      });
      const observed = tracing();
      t.after(() => observed.shutdown());
      const runs = [
        await start("bare", open, (client) => client, kafka.brokers),
        await start("traced", open, traced, kafka.brokers),
      ];
      try {
        await flowThroughOutage(runs, () => kafka.restart({ signal }));
        await handleThrough("cut", runs, async () => {
          await tell(proxy, "cut");
          // Not every client connects again while it has nothing to say, and kafkajs's consumer has
          // not while its handlers are under way.
          await Promise.all(runs.map((run) => send(run, BESIDE_THE_CUT, 0)));
        });
        await Promise.all(runs.map((run) => until(run, () => run.handled.has(BESIDE_THE_CUT))));
        await handleThrough("lasting cut", runs, async () => {
          await tell(proxy, "sever");
          await Promise.all(runs.map(({ topic }) => givenUp(topic, behindProxy)));
          await tell(proxy, "mend");
        });
        await handleThrough("crash", runs, () => kafka.restart({ signal: "SIGKILL" }));
        await Promise.all(runs.map((run) => settled(run)));
      } catch (error) {
        // Not waited for: a client that stalled may not close either.
        stalled = true;
        void Promise.allSettled(runs.map(({ flow }) => flow.close()));
        throw error;
      }
      await Promise.all(runs.map(({ flow }) => flow.close()));
      await assertAlike(runs, kafka.brokers, observed);
      await abandonSends(runs, kafka, observed);
    });
  }
}

async function start(name: string, open: OpenFlow, wrap: Wrap, brokers: string): Promise<Run> {
  const topic = `outage-${name}-${randomUUID()}`;
  await createTopic(bareKafka(brokers), topic, PARTITIONS);
  const run: Run = {
    name,
    topic,
    flow: await open(wrap, brokers, topic, groupOf(topic)),
    traceIds: new Map(),
    handled: new Map(),
    calls: 0,
    strangers: 0,
    sent: 0,
    failedSends: 0,
    middle: () => {},
    progress: new Set(),
  };
  await run.flow.consume(async (value) => {
    run.calls += 1;
    await new Promise((resolve) => setImmediate(resolve));
    await run.middle(value);
    // After every await: the trace is the message's own, whatever went on beside.
    if (activeTraceId() !== run.traceIds.get(value)) run.strangers += 1;
    run.handled.set(value, (run.handled.get(value) ?? 0) + 1);
    for (const told of run.progress) told();
  });
  return run;
}

/** Sends and handles all messages; the broker is away for some seconds in between. */
async function flowThroughOutage(
  runs: readonly Run[],
  restart: () => Promise<void>,
): Promise<void> {
  // One of the two may be much ahead of the other: it is held until the outage has begun.
  let begin: () => void = () => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const sent = runs.map((run) => sendAll(run, begun));
  await Promise.all(runs.map((run) => until(run, () => run.handled.size >= OUTAGE_AT)));
  const back = restart();
  begin();
  await back;
  await Promise.all(sent);
  await Promise.all(runs.map((run) => until(run, () => run.handled.size === MESSAGES)));
}

async function sendAll(run: Run, outageBegun: Promise<void>): Promise<void> {
  let next = 0;
  const sender = async (): Promise<void> => {
    while (next < MESSAGES) {
      const at = next++;
      if (at >= HELD_FROM) await outageBegun;
      await until(run, () => at - run.handled.size < WAITING);
      await send(run, String(at), at % PARTITIONS);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, sender));
}

/** Sends in a trace of its own, which is the message's where the sender is traced. */
function send(run: Run, value: string, partition: number): Promise<void> {
  return trace.getTracer("application").startActiveSpan("order", async (span) => {
    run.sent += 1;
    if (run.name === "traced") run.traceIds.set(value, span.spanContext().traceId);
    await run.flow.send(value, partition).catch(() => void (run.failedSends += 1));
    span.end();
  });
}

/** Something befalls the connection while a handler is under way, which goes on when that is over. */
async function handleThrough(
  what: string,
  runs: readonly Run[],
  befall: () => Promise<void>,
): Promise<void> {
  let over: () => void = () => {};
  const back = new Promise<void>((resolve) => (over = resolve));
  const begun = runs.map((run) => {
    let begin: () => void = () => {};
    const beginning = new Promise<void>((resolve) => (begin = resolve));
    run.middle = (value) => {
      if (value !== what) return undefined;
      begin();
      return back;
    };
    return beginning;
  });
  await Promise.all(runs.map((run) => send(run, what, 0)));
  await Promise.all(begun);
  await befall();
  over();
  await Promise.all(runs.map((run) => until(run, () => run.handled.has(what))));
  await Promise.all(runs.map((run) => sendAndHandle(run, `after the ${what}`)));
}

async function tell(proxy: Worker | undefined, what: "cut" | "sever" | "mend"): Promise<void> {
  assert.ok(proxy);
  const done = once(proxy, "message");
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread takes none.
  proxy.postMessage(what);
  await done;
}

/** Resolves when the group has no member any more. Kafka tells nobody: it is asked, past the proxy. */
async function givenUp(topic: string, behindProxy: string): Promise<void> {
  const [host = "", port] = behindProxy.split(":");
  const socketFactory: ISocketFactory = ({ onConnect }) => connect(Number(port), host, onConnect);
  const admin = new Kafka({
    brokers: [behindProxy],
    logLevel: logLevel.NOTHING,
    socketFactory,
  }).admin();
  await admin.connect();
  const latest = Date.now() + PATIENCE_MS;
  try {
    for (;;) {
      const { groups } = await admin.describeGroups([groupOf(topic)]);
      if (groups[0]?.members.length === 0) return;
      assert.ok(Date.now() < latest, "the group keeps a member that is cut off");
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
  } finally {
    await admin.disconnect();
  }
}

async function sendAndHandle(run: Run, value: string): Promise<void> {
  await send(run, value, 0);
  await until(run, () => run.handled.has(value));
}

async function assertAlike(
  runs: readonly Run[],
  brokers: string,
  observed: Tracing,
): Promise<void> {
  const [bare, traced] = await Promise.all(
    runs.map(async ({ topic, handled, sent, failedSends }) => ({
      lost: sent - handled.size,
      failedSends,
      unsettled: await unsettled(topic, brokers),
    })),
  );
  assert.deepEqual(bare, { lost: 0, failedSends: 0, unsettled: [0, 0, 0] });
  assert.deepEqual(traced, bare);

  const [, run] = runs as [Run, Run];
  assert.ok(run.sent >= MESSAGES + 7);
  assert.equal(run.strangers, 0, "a handler saw another message's trace");
  assert.equal(observed.open().length, 0, "a span is open");
  const named = (name: string): number =>
    observed.spans().filter((span) => span.name === name).length;
  assert.equal(named(`send ${run.topic}`), run.sent);
  assert.equal(named(`process ${run.topic}`), run.calls);
  assert.equal(
    observed.spans().filter(({ status }) => status.code === SpanStatusCode.ERROR).length,
    0,
  );
  assert.equal(context.active(), ROOT_CONTEXT, "a scope has leaked");
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(context.active(), ROOT_CONTEXT, "a scope has leaked");
}

/**
 * Sends whose client disconnects while the broker does not answer. Some are reported on as the
 * client goes, with an error, and of others nothing is ever heard: the span ends either way.
 */
async function abandonSends(
  runs: readonly Run[],
  kafka: RealKafka,
  observed: Tracing,
): Promise<void> {
  const [, traced] = runs as [Run, Run];
  if (traced.flow.abandon === undefined) return;
  observed.reset();
  try {
    await traced.flow.abandon(() => process.kill(kafka.serverPid, "SIGSTOP"));
  } finally {
    process.kill(kafka.serverPid, "SIGCONT");
  }
  assert.equal(observed.open().length, 0, "a span is open");
  const [send, ...more] = observed.spans();
  assert.deepEqual(more, []);
  assert.equal(send?.status.code, SpanStatusCode.ERROR);
}

/**
 * A group that a crash has thrown over takes a while to come back, and tells nobody when it has: it
 * is tried again as often as a message has come through.
 */
async function settled(run: Run): Promise<void> {
  const latest = Date.now() + PATIENCE_MS;
  for (let again = 1; ; again += 1) {
    try {
      return await run.flow.settle();
    } catch (error) {
      if (Date.now() > latest) throw error;
      await sendAndHandle(run, `again ${again}`);
    }
  }
}

/** How many messages of each partition the group has not settled. */
async function unsettled(topic: string, brokers: string): Promise<number[]> {
  const admin = bareKafka(brokers).admin();
  await admin.connect();
  const group = { groupId: groupOf(topic), topics: [topic] };
  const [held] = await admin.fetchOffsets(group);
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const settled = new Map(held?.partitions.map(({ partition, offset }) => [partition, offset]));
  return ends
    .toSorted((a, b) => a.partition - b.partition)
    .map(({ partition, high }) => Number(high) - Math.max(0, Number(settled.get(partition) ?? 0)));
}

/** Resolves when it is so. Fails where nothing is handled any more before it is. */
function until(run: Run, done: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const stalled = (): void => {
      run.progress.delete(told);
      const { name, sent, failedSends, handled, calls } = run;
      const state = { sent, failedSends, handled: handled.size, calls };
      reject(new Error(`${name}: nothing was handled for long: ${JSON.stringify(state)}`));
    };
    const timer = setTimeout(stalled, STALLED_MS);
    const told = (): void => {
      if (!done()) return void timer.refresh();
      clearTimeout(timer);
      run.progress.delete(told);
      resolve();
    };
    run.progress.add(told);
    told();
  });
}

function groupOf(topic: string): string {
  return `group-of-${topic}`;
}

function activeTraceId(): string | undefined {
  return trace.getActiveSpan()?.spanContext().traceId;
}

function bareKafka(brokers: string): Kafka {
  return new Kafka({ brokers: brokers.split(","), logLevel: logLevel.NOTHING });
}
