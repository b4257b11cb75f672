import { type ChildProcess, fork } from "node:child_process";
import type { Progress } from "./driver.ts";
import type { GuardCommand, GuardMessage } from "./restartable-guard.ts";

const STOP_TIMEOUT_MS = 10_000;

export interface RestartOptions {
  /** How the server is ended: SIGTERM (default) lets it hand over and close; SIGKILL is a crash. */
  signal?: "SIGTERM" | "SIGKILL";
}

/** A server that ends, and whose data is removed, when this process ends, however it ends. */
export interface Restartable {
  /** Ends the server and starts it again on the same ports and data. Resolves when it is ready. */
  restart(options?: RestartOptions): Promise<void>;
  /** Ends the server and removes its data. Resolves when its processes are gone; may be called twice. */
  stop(): Promise<void>;
  /** The server's own process id, another one after each restart. */
  readonly serverPid: number;
  /** The guard, which ends the server when this process ends. */
  process: ChildProcess;
}

/**
 * Starts a guard, and by it a server.
 *
 * @param file the guard's script; its first argument is `setup` as JSON.
 * @throws Error where the server is not ready in time, with the reason and the end of its log.
 */
export async function startRestartable(
  name: string,
  file: string,
  setup: object,
  progress: Progress,
): Promise<Restartable> {
  // Its own process group: Ctrl-C in the terminal is for us, and we decide when the server ends.
  const guard = fork(file, [JSON.stringify(setup)], {
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
  let serverPid = await ready(name, guard).catch(async (error: Error) => {
    await gone(); // it removes the data first
    throw error;
  });
  guard.on("message", (message: GuardMessage) => {
    if (message.type === "died") progress(`${name} died: ${message.why}\n${message.log}`);
  });

  return {
    process: guard,
    get serverPid() {
      return serverPid;
    },
    async restart({ signal = "SIGTERM" } = {}) {
      const again = ready(name, guard);
      tell(guard, { type: "restart", signal });
      serverPid = await again;
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

/** Resolves with the server's process id when it is ready; the guard bounds the time. */
function ready(name: string, guard: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      guard.off("message", onMessage).off("error", onError).off("exit", onExit);
    };
    const refuse = (why: string, log = ""): void => {
      settle();
      const tail = log === "" ? "" : ` Its log ends with:\n${log}`;
      reject(new Error(`${name} did not start: ${why}.${tail}`));
    };
    const onMessage = (message: GuardMessage): void => {
      if (message.type === "failed") return refuse(message.why, message.log);
      if (message.type !== "ready") return;
      settle();
      resolve(message.serverPid);
    };
    const onError = (error: Error): void => refuse(error.message);
    const onExit = (code: number | null, signal: string | null): void =>
      refuse(`its guard ended with ${signal ?? code}`);
    guard.on("message", onMessage).on("error", onError).on("exit", onExit);
  });
}
