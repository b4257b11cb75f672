import { spawn } from "node:child_process";
import type { ChildProcess, ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const BROKER = fileURLToPath(new URL("broker.ts", import.meta.url));
const MAX_BROKERS = 16;
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;
const TAIL_LINES = 20;

export interface EmbeddedKafkaOptions {
  /** Size of the cluster. Default 1, at most 16. */
  brokers?: number;
}

export interface EmbeddedKafka {
  /** `host:port` of every broker, joined by commas, as `KAFKA_BROKERS` has it. */
  brokers: string;
  /** Ends the broker; all its records are gone. Resolves when the process has ended; may be called twice. */
  stop(): Promise<void>;
  /** The process that the broker lives in. */
  process: ChildProcess;
}

/**
 * Starts the embedded Kafka, librdkafka's mock cluster, in a process of its own on free loopback
 * ports. It keeps 5 MB or 100,000 messages a partition, in memory, and lacks transactions and topic
 * administration: see `services/README.md`. The process ends with this one, however this one ends.
 *
 * @throws Error where kafka-crab-js has no native binding here, or the broker does not start in 20 s.
 * @example
 * const { brokers, stop } = await startEmbeddedKafka();
 * const kafka = new Kafka({ brokers: brokers.split(",") });
 * await stop();
 */
export async function startEmbeddedKafka(
  options: EmbeddedKafkaOptions = {},
): Promise<EmbeddedKafka> {
  const count = options.brokers ?? 1;
  if (!Number.isInteger(count) || count < 1 || count > MAX_BROKERS) {
    throw new RangeError(
      `startEmbeddedKafka: brokers is ${count}; give a whole number from 1 to ${MAX_BROKERS}`,
    );
  }
  const child = spawn(process.execPath, [BROKER, String(count)], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.stdin.on("error", () => {}); // EPIPE when it is already gone

  try {
    const brokers = await listening(child);
    return {
      brokers,
      process: child,
      async stop() {
        child.stdin.end();
        const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
        await ended;
        clearTimeout(timer);
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

/** Reads the broker's log to its end, and resolves with the addresses once it has named them. */
function listening(child: ChildProcessByStdio<Writable, Readable, Readable>): Promise<string> {
  return new Promise((resolve, reject) => {
    const tail: string[] = [];
    const refuse = (why: string): void =>
      reject(new Error(`The embedded Kafka did not start: ${why}`));
    const timer = setTimeout(
      () =>
        refuse(
          `it named no port in ${START_TIMEOUT_MS / 1000} s. Its log ends with:\n${tail.join("\n")}`,
        ),
      START_TIMEOUT_MS,
    );

    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        tail.push(line);
        if (tail.length > TAIL_LINES) tail.shift();
        const addresses = /Mock cluster enabled:.*replaced with ([\d.:,]+)/.exec(line)?.[1];
        if (addresses !== undefined) {
          clearTimeout(timer);
          resolve(addresses);
        }
      });
    }
    child.once("error", (error) => refuse(error.message));
    // "close", not "exit": the last lines are read by then.
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      refuse(
        code === 69
          ? withoutBinding(tail.join("\n"))
          : `it ended with ${signal ?? code}:\n${tail.join("\n")}`,
      );
    });
  });
}

function withoutBinding(reason: string): string {
  const here = `Node ${process.versions.node} on ${process.platform}-${process.arch}`;
  return (
    `kafka-crab-js, which holds it, has no native binding for ${here} (${reason}).\n` +
    "It wants Node 24, and npm leaves its binding out when run by another. " +
    "Run `npm ci` with Node 24 (`npm start` and `npm test` bring it along), " +
    "or set KAFKA_BROKERS=host:port to use a Kafka of your own."
  );
}
