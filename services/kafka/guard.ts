// The process between `startKafka` and the broker. The JVM does not notice that whoever started it
// is gone; this one does, by its IPC channel, and then ends the JVM and removes its data.
//
// It is told its setup as JSON in its first argument, and `stop` or `restart` by message; it answers
// with the messages below.

import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startJvm } from "./jvm.ts";
import type { Jvm, JvmSetup } from "./jvm.ts";
import { serverProperties } from "./properties.ts";
import type { BrokerPorts } from "./properties.ts";

export interface GuardSetup extends JvmSetup {
  ports: BrokerPorts;
  /** How long the broker may take to be ready, each time it is started. */
  timeoutMs: number;
}

export type GuardCommand = { type: "stop" } | { type: "restart"; signal: NodeJS.Signals };

export type GuardMessage =
  | { type: "ready"; brokerPid: number }
  /** The broker did not become ready; the guard ends. */
  | { type: "failed"; why: string; log: string }
  /** A broker that was ready has ended unasked; it can be restarted. */
  | { type: "died"; why: string; log: string };

/** KafkaBroker.STARTED_MESSAGE: its port is bound and the broker is unfenced. */
const READY = /Kafka Server started/;

const setup = JSON.parse(process.argv[2] ?? "") as GuardSetup;
const properties = join(setup.folder, "server.properties");
let jvm: Jvm | undefined;
let ending = false;

process.on("disconnect", () => void end());
process.on("SIGTERM", () => void end());
process.on("message", (command: GuardCommand) => {
  if (command.type === "stop") void end();
  else void restart(command.signal);
});
// The parent may have gone before this file was read, and its going is told but once.
if (!process.connected) await end();

try {
  await format();
  await start();
} catch (error) {
  await fail(error as Error);
}

/** Writes the properties and gives the data folder the cluster id that KRaft asks for. */
async function format(): Promise<void> {
  await writeFile(properties, serverProperties(setup.ports, join(setup.folder, "data")));
  const clusterId = `A${randomBytes(16).toString("base64url").slice(1)}`; // may not start with "-"
  const args = ["format", "-t", clusterId, "-c", properties, "--standalone"];
  const tool = launch("kafka.tools.StorageTool", args);
  const how = await within(setup.timeoutMs, tool.ended);
  if (how !== "exit code 0") throw new Error(`formatting its storage ended with ${how}`);
}

async function start(): Promise<void> {
  let announce: () => void;
  const announced = new Promise<void>((resolve) => (announce = resolve));
  const broker = launch("kafka.Kafka", [properties], (line) => {
    if (READY.test(line)) announce();
  });
  const early = broker.ended.then((how) => Promise.reject(new Error(`it ended with ${how}`)));
  await within(setup.timeoutMs, Promise.race([announced, early]));
  if (broker.pid !== undefined) tell({ type: "ready", brokerPid: broker.pid });
  void tellOfDeath(broker);
}

/** Whoever awaited something meanwhile must not start a JVM that nobody would end. */
function launch(mainClass: string, args: string[], onLine?: (line: string) => void): Jvm {
  if (ending) throw new Error("the guard is ending");
  jvm = startJvm(setup, mainClass, args, onLine);
  return jvm;
}

async function tellOfDeath(broker: Jvm): Promise<void> {
  const how = await broker.ended;
  // Unless it was us who ended it, for good or for a restart.
  if (!ending && jvm === broker) {
    tell({ type: "died", why: `it ended with ${how}`, log: broker.tail() });
  }
}

async function restart(signal: NodeJS.Signals): Promise<void> {
  const before = jvm;
  jvm = undefined;
  before?.kill(signal);
  try {
    await within(setup.timeoutMs, before?.ended ?? Promise.resolve(""));
    await start();
  } catch (error) {
    before?.kill("SIGKILL");
    await fail(error as Error);
  }
}

async function fail(error: Error): Promise<void> {
  if (!ending) tell({ type: "failed", why: error.message, log: jvm?.tail() ?? "" });
  await end();
}

/** The data is removed, so the broker need not be given time to settle it. */
async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  jvm?.kill("SIGKILL");
  await jvm?.ended;
  await rm(setup.folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit();
}

function tell(message: GuardMessage): void {
  if (process.connected) process.send?.(message);
}

async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
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
