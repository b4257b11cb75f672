import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { DIES_WITH_PARENT } from "./dies-with-parent.ts";

const TAIL_LINES = 60;

/** A server's process whose log is read to its end. */
export interface Child {
  pid: number | undefined;
  kill(signal: NodeJS.Signals): void;
  /** The last lines of its log. */
  tail(): string;
  /** Resolves with its exit code or signal when it has ended and its log is read. Never rejects. */
  ended: Promise<string>;
}

/** Starts a program that dies with this process; `onLine` is given every line of its log. */
export function startChild(
  program: string,
  programArgs: readonly string[],
  onLine: (line: string) => void = () => {},
  env: NodeJS.ProcessEnv = process.env,
): Child {
  const [command = program, ...args] = [...DIES_WITH_PARENT, program, ...programArgs];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env });
  const tail: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      onLine(line);
    });
  }
  return {
    pid: child.pid,
    kill: (signal) => void child.kill(signal),
    tail: () => tail.join("\n"),
    ended: new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
    }),
  };
}
