import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DIES_WITH_PARENT } from "../dies-with-parent.ts";

const TAIL_LINES = 60;

/** How to run one of Kafka's main classes. */
export interface JvmSetup {
  /** The `java` to run. */
  java: string;
  /** The folder with Kafka's jars. */
  jars: string;
  /** A folder of its own, which is removed afterwards. */
  folder: string;
}

/** A Java process whose log is read to its end. */
export interface Jvm {
  pid: number | undefined;
  kill(signal: NodeJS.Signals): void;
  /** The last lines of its log. */
  tail(): string;
  /** Resolves with its exit code or signal when it has ended and its log is read. Never rejects. */
  ended: Promise<string>;
}

/** Starts a main class of Kafka's; `onLine` is given every line of its log. */
export function startJvm(
  setup: JvmSetup,
  mainClass: string,
  args: string[],
  onLine: (line: string) => void = () => {},
): Jvm {
  const [command = setup.java, ...commandArgs] = [
    ...DIES_WITH_PARENT,
    setup.java,
    "-Xmx1g",
    "-XX:-UsePerfData", // else a killed JVM leaves a file in the machine's temporary folder
    `-Djava.io.tmpdir=${setup.folder}`, // for the native libraries that Kafka unpacks
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-cp",
    join(setup.jars, "*"),
    mainClass,
    ...args,
  ];
  const child = spawn(command, commandArgs, { stdio: ["ignore", "pipe", "pipe"] });
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
