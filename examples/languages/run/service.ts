import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** What a process wrote last, kept for the case that it fails. */
const TAIL_LINES = 20;
/** A line of a stack in Java: a hundred of them would push the reason out of the last lines. */
const OF_A_STACK = /^\s+(at |\.\.\. \d+)/;
const STOP_MS = 15_000;

export interface ServiceSetup {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How a process ended. */
export interface Ending {
  readonly name: string;
  /** Its signal or exit code. */
  readonly how: string;
  /** Its last lines. */
  readonly tail: readonly string[];
  /** Whether it was asked to. */
  readonly asked: boolean;
}

export interface Service {
  readonly name: string;
  /** What it said of being ready; rejects where it ends before. */
  readonly ready: Promise<{ readonly port?: number }>;
  readonly ended: Promise<Ending>;
  /** Asks it to end, and kills it where it does not. */
  stop(): Promise<void>;
}

/**
 * Starts one service of whatever language. It says that it is ready by a message, or by a line that
 * begins with "ready"; it ends when its standard input or its channel closes, which happens however
 * this process ends.
 */
export function startService({ name, command: [command, ...args], env }: ServiceSetup): Service {
  const isNode = command === process.execPath;
  const child = spawn(command, args, {
    env,
    stdio: isNode ? ["pipe", "pipe", "pipe", "ipc"] : ["pipe", "pipe", "pipe"],
  });
  child.stdin?.on("error", () => {}); // it has ended: that is told below
  const tail: string[] = [];
  let asked = false;
  const ended = new Promise<Ending>((resolve) => {
    const end = (how: string): void => resolve({ name, how, tail, asked });
    child.once("error", (error) => end(error.message));
    // "close", not "exit": what it wrote last is read by then.
    child.once("close", (code, signal) => end(signal ?? `exit code ${code}`));
  });
  const ready = new Promise<{ port?: number }>((resolve, reject) => {
    child.once("message", (message) => resolve(message as { port?: number }));
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        if (OF_A_STACK.test(line)) return;
        tail.push(line);
        if (tail.length > TAIL_LINES) tail.shift();
        if (line.startsWith("ready")) resolve({});
      });
    }
    void ended.then((end) => reject(new Error(endingOf(end))));
  });
  ready.catch(() => {}); // whoever waits for it is told; nobody may, when it is stopped early
  return {
    name,
    ready,
    ended,
    async stop() {
      asked = true;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Runs a command to its end; its last lines are in the error where it fails. */
export async function runToEnd(
  what: string,
  command: readonly [string, ...string[]],
  { cwd, signal }: { cwd: string; signal: AbortSignal | undefined },
): Promise<void> {
  const [file, ...args] = command;
  const child = spawn(file, args, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal && { signal }),
  });
  const tail: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
    });
  }
  const [code, ended] = (await once(child, "close")) as [number | null, string | null];
  if (code !== 0) {
    throw new Error(`${what} failed (${ended ?? `exit code ${code}`}):\n  ${tail.join("\n  ")}`);
  }
}

/** How a process ended, with what it wrote last. */
export function endingOf({ name, how, tail }: Ending): string {
  const lines = tail.length === 0 ? "It wrote nothing." : `Its last lines:\n  ${tail.join("\n  ")}`;
  return `${name} ended with ${how}. ${lines}`;
}
