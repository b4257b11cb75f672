// What the process between a test and a server with data does, one that can be stopped and started
// again. A server does not notice that whoever started
// it is gone; the guard does, by its IPC channel, and then ends the server and removes its data.
//
// It takes `stop` or `restart` by message, and answers with the messages below.

import { rm } from "node:fs/promises";
import type { Child } from "./child.ts";

export type GuardCommand = { type: "stop" } | { type: "restart"; signal: NodeJS.Signals };

export type GuardMessage =
  | { type: "ready"; serverPid: number }
  /** The server did not become ready; the guard ends. */
  | { type: "failed"; why: string; log: string }
  /** A server that was ready has ended unasked; it can be restarted. */
  | { type: "died"; why: string; log: string };

/** A server to be guarded. */
export interface RestartableServer {
  /** Its data, removed at the end. */
  folder: string;
  /** How long it may take to be ready, each time it is started. */
  timeoutMs: number;
  /** Starts it. */
  start(onLine: (line: string) => void): Child;
  /** The line of its log that says it can be used. */
  ready: RegExp;
  /** What has to be there before the server: a formatted folder, a name server beside it. */
  prepare?(launch: (start: () => Child) => Child): Promise<void>;
}

/** Starts the server and guards it for as long as this process runs. */
export async function standGuard(guarded: RestartableServer): Promise<void> {
  const { timeoutMs, folder } = guarded;
  const children = new Set<Child>();
  let server: Child | undefined;
  let ending = false;

  process.on("disconnect", () => void end());
  process.on("SIGTERM", () => void end());
  process.on("message", (command: GuardCommand) => {
    if (command.type === "stop") void end();
    else void restart(command.signal);
  });
  // The parent may have gone before this was reached, and its going is told but once.
  if (!process.connected) await end();

  /** Whoever awaited something meanwhile must not start a process that nobody would end. */
  function launch(start: () => Child): Child {
    if (ending) throw new Error("the guard is ending");
    const child = start();
    children.add(child);
    void child.ended.then(() => children.delete(child));
    return child;
  }

  async function start(): Promise<void> {
    let announce: () => void;
    const announced = new Promise<void>((resolve) => (announce = resolve));
    const starting = launch(() =>
      guarded.start((line) => {
        if (guarded.ready.test(line)) announce();
      }),
    );
    server = starting;
    const early = starting.ended.then((how) => Promise.reject(new Error(`it ended with ${how}`)));
    await within(timeoutMs, Promise.race([announced, early]));
    if (starting.pid !== undefined) tell({ type: "ready", serverPid: starting.pid });
    void tellOfDeath(starting);
  }

  async function tellOfDeath(of: Child): Promise<void> {
    const how = await of.ended;
    // Unless it was us who ended it, for good or for a restart.
    if (!ending && server === of)
      tell({ type: "died", why: `it ended with ${how}`, log: of.tail() });
  }

  async function restart(signal: NodeJS.Signals): Promise<void> {
    const before = server;
    server = undefined;
    before?.kill(signal);
    try {
      await within(timeoutMs, before?.ended ?? Promise.resolve(""));
      await start();
    } catch (error) {
      before?.kill("SIGKILL");
      await fail(error as Error);
    }
  }

  async function fail(error: Error): Promise<void> {
    if (!ending) tell({ type: "failed", why: error.message, log: server?.tail() ?? "" });
    await end();
  }

  /** The data is removed, so the server need not be given time to settle it. */
  async function end(): Promise<void> {
    if (ending) return;
    ending = true;
    const left = [...children];
    for (const child of left) child.kill("SIGKILL");
    await Promise.all(left.map(({ ended }) => ended));
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    process.exit();
  }

  try {
    await guarded.prepare?.(launch);
    await start();
  } catch (error) {
    await fail(error as Error);
  }
}

function tell(message: GuardMessage): void {
  if (process.connected) process.send?.(message);
}

/** @throws Error where it takes longer. */
export async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`it was not ready in ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
