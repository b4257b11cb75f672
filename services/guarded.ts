import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const GUARD = fileURLToPath(new URL("guard.ts", import.meta.url));
const STOP_TIMEOUT_MS = 10_000;
const TAIL_LINES = 40;

export interface GuardedSetup {
  /** The server's name, for errors. */
  name: string;
  /** What to run, with its arguments. */
  command: readonly string[];
  env?: Record<string, string | undefined>;
  /** The line of its log that says that it answers. */
  ready: RegExp;
  timeoutMs: number;
}

export interface Guarded {
  /** The guard, which ends the server when this process ends. */
  process: ChildProcess;
  /** Kills the server. Resolves when its processes are gone; may be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts a server that ends with this process, however this one ends (`guard.ts`), and that need
 * not be given time to end. Its log is read all the time.
 *
 * @throws Error where it ends, or says nothing of being ready in time, with the end of its log.
 */
export async function startGuarded(setup: GuardedSetup): Promise<Guarded> {
  // Its own process group: Ctrl-C in the terminal is for us, and we decide when the server ends.
  const guard = fork(GUARD, [...setup.command], {
    env: { ...process.env, ...setup.env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
    execArgv: [],
  });
  const ended = new Promise((resolve) => guard.once("exit", resolve));
  const stop = async (): Promise<void> => {
    if (guard.connected) guard.disconnect();
    const timer = setTimeout(() => guard.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  };
  try {
    await ready(guard, setup);
    return { process: guard, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function ready(guard: ChildProcess, { name, ready: said, timeoutMs }: GuardedSetup): Promise<void> {
  return new Promise((resolve, reject) => {
    const tail: string[] = [];
    const refuse = (why: string): void =>
      reject(new Error(`${name} did not start: ${why}. Its log ends with:\n${tail.join("\n")}`));
    const timer = setTimeout(() => refuse(`it was not ready in ${timeoutMs / 1000} s`), timeoutMs);
    for (const stream of [guard.stdout, guard.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        tail.push(line);
        if (tail.length > TAIL_LINES) tail.shift();
        if (!said.test(line)) return;
        clearTimeout(timer);
        resolve();
      });
    }
    // "close", not "exit": the last lines are read by then.
    guard.once("close", (code, signal) => {
      clearTimeout(timer);
      refuse(`it ended with ${signal ?? `exit code ${code}`}`);
    });
  });
}
