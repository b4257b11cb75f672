import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Progress } from "../driver.ts";
import { javaCommand, kafkaAvailable } from "./available.ts";
import type { GuardCommand, GuardMessage, GuardSetup } from "./guard.ts";
import { KAFKA_VERSION, kafkaJars } from "./jars.ts";
import { freePorts } from "../ports.ts";

export { kafkaAvailable } from "./available.ts";

const GUARD = fileURLToPath(new URL("guard.ts", import.meta.url));
const STOP_TIMEOUT_MS = 10_000;
const PORT_ATTEMPTS = 3;

export interface KafkaOptions {
  /** Told what is being done, a line at a time. Default: written to stderr. */
  progress?: Progress;
  /** How long the broker may take to be ready, fetching its jars not counted. Default 90,000. */
  timeoutMs?: number;
}

export interface RestartOptions {
  /** How the broker is ended: SIGTERM (default) lets it hand over and close; SIGKILL is a crash. */
  signal?: "SIGTERM" | "SIGKILL";
}

export interface RealKafka {
  /** `127.0.0.1:port`, as `KAFKA_BROKERS` has it. */
  brokers: string;
  /** Ends the broker and starts it again on the same ports and data. Resolves when it is ready. */
  restart(options?: RestartOptions): Promise<void>;
  /** Ends the broker and removes its data. Resolves when its processes are gone; may be called twice. */
  stop(): Promise<void>;
  /** The broker's own process id, another one after each restart. */
  readonly brokerPid: number;
  /** The guard, which ends the broker when this process ends. */
  process: ChildProcess;
}

/**
 * Starts Kafka 4.1.1, one KRaft node on free loopback ports, in about 4 s; the first time Maven
 * fetches its jars. It ends, and its data is removed, when this process ends, however it ends.
 *
 * @throws Error where Java or Maven is lacking, the jars can't be fetched, or the broker is not
 *   ready in time; the message has the reason, the way out and the end of the broker's log.
 * @example
 * const { brokers, stop } = await startKafka();
 * const kafka = new Kafka({ brokers: [brokers] });
 * await stop();
 */
export async function startKafka(options: KafkaOptions = {}): Promise<RealKafka> {
  const progress = options.progress ?? ((line) => void process.stderr.write(`${line}\n`));
  const absence = await kafkaAvailable();
  if (absence !== undefined) throw new Error(`No real Kafka: ${absence.why}. ${absence.wayOut}.`);
  const jars = await kafkaJars(progress);

  for (let attempt = 1; ; attempt++) {
    const [client, controller] = (await freePorts(2)) as [number, number];
    const folder = await mkdtemp(join(tmpdir(), "throughline-kafka-"));
    const brokers = `127.0.0.1:${client}`;
    progress(`Kafka ${KAFKA_VERSION}: starting on ${brokers}`);
    try {
      const java = javaCommand();
      const timeoutMs = options.timeoutMs ?? 90_000;
      return await guarded(
        { java, jars, folder, ports: { client, controller }, timeoutMs },
        progress,
      );
    } catch (error) {
      // Another process can take a port between our look at it and the broker's.
      const portTaken = /Address already in use/.test((error as Error).message);
      if (!portTaken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function guarded(setup: GuardSetup, progress: Progress): Promise<RealKafka> {
  // Its own process group: Ctrl-C in the terminal is for us, and we decide when the broker ends.
  const guard = fork(GUARD, [JSON.stringify(setup)], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    detached: true,
    execArgv: [],
  });
  const ended = new Promise((resolve) => guard.once("exit", resolve));
  const gone = async (): Promise<void> => {
    const timer = setTimeout(() => guard.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  };
  let brokerPid = await ready(guard).catch(async (error: Error) => {
    await gone(); // it removes the data first
    throw error;
  });
  guard.on("message", (message: GuardMessage) => {
    if (message.type === "died")
      progress(`Kafka ${KAFKA_VERSION} died: ${message.why}\n${message.log}`);
  });

  return {
    brokers: `127.0.0.1:${setup.ports.client}`,
    process: guard,
    get brokerPid() {
      return brokerPid;
    },
    async restart({ signal = "SIGTERM" } = {}) {
      const again = ready(guard);
      tell(guard, { type: "restart", signal });
      brokerPid = await again;
    },
    async stop() {
      tell(guard, { type: "stop" });
      await gone();
    },
  };
}

function tell(guard: ChildProcess, command: GuardCommand): void {
  if (guard.connected) guard.send(command, () => {}); // it may be ending already
}

/** Resolves with the broker's process id when it is ready; the guard bounds the time. */
function ready(guard: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      guard.off("message", onMessage).off("error", onError).off("exit", onExit);
    };
    const refuse = (why: string, log = ""): void => {
      settle();
      const tail = log === "" ? "" : ` Its log ends with:\n${log}`;
      reject(new Error(`Kafka ${KAFKA_VERSION} did not start: ${why}.${tail}`));
    };
    const onMessage = (message: GuardMessage): void => {
      if (message.type === "failed") return refuse(message.why, message.log);
      if (message.type !== "ready") return;
      settle();
      resolve(message.brokerPid);
    };
    const onError = (error: Error): void => refuse(error.message);
    const onExit = (code: number | null, signal: string | null): void =>
      refuse(`its guard ended with ${signal ?? code}`);
    guard.on("message", onMessage).on("error", onError).on("exit", onExit);
  });
}
