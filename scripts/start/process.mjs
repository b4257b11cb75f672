import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** What a process wrote last, kept for the case that it fails. */
const TAIL_LINES = 12;
const STOP_MS = 5000;

/**
 * Starts one of the pipeline's processes. It tells by a message when it is ready, and ends when the
 * channel of its parent closes, however that one ends. Never started a second time.
 *
 * Gives { name, ready, ended, stop }: `ready` is its message, or rejects where it ends before;
 * `ended` is how it ended: { name, how, tail, asked }.
 */
export function startProcess({ name, file, args = [], execArgv = [], env }) {
  const child = spawn(process.execPath, [...execArgv, file, ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const tail = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
    });
  }
  let asked = false;
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve({ name, how: error.message, tail, asked }));
    // "close", not "exit": what it wrote last is read by then.
    child.once("close", (code, signal) =>
      resolve({ name, how: signal ?? `exit code ${code}`, tail, asked }),
    );
  });
  const ready = new Promise((resolve, reject) => {
    child.once("message", resolve);
    void ended.then((end) => reject(new Error(`it was not ready: ${endingOf(end)}`)));
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

/** How a process ended, with what it wrote last. */
export function endingOf({ name, how, tail }) {
  const lines = tail.length === 0 ? "It wrote nothing." : `Its last lines:\n  ${tail.join("\n  ")}`;
  return `${name} ended with ${how}, and is not started again. ${lines}`;
}
