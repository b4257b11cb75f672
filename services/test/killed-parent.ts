import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PARENT = fileURLToPath(new URL("parent.ts", import.meta.url));

export interface Parent {
  process: ChildProcess;
  /** `host:port` of a broker, or of the server's API. */
  brokers: string;
  /** The process that the parent started: the embedded broker, or another server's guard. */
  childPid: number;
  /** Settles when everyone who has inherited its stderr is gone. */
  allGone: Promise<unknown>;
}

/** A process of its own that has started a server, ready to be killed. */
export async function parentOf(
  server: "kafka" | "embedded-kafka" | "jaeger" | "rabbitmq" | "fauxqs" | "elasticmq",
): Promise<Parent> {
  const parent = spawn(process.execPath, [PARENT, server], { stdio: ["ignore", "pipe", "pipe"] });
  const allGone = once(parent.stderr.resume(), "close");
  const [line] = (await once(createInterface({ input: parent.stdout }), "line")) as [string];
  return {
    process: parent,
    allGone,
    ...(JSON.parse(line) as { brokers: string; childPid: number }),
  };
}
