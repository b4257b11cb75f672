import { join } from "node:path";
import { type Child, startChild } from "../child.ts";

/** How to run one of Kafka's main classes. */
export interface JvmSetup {
  /** The `java` to run. */
  java: string;
  /** The folder with Kafka's jars. */
  jars: string;
  /** A folder of its own, which is removed afterwards. */
  folder: string;
}

/** Starts a main class of Kafka's; `onLine` is given every line of its log. */
export function startJvm(
  setup: JvmSetup,
  mainClass: string,
  args: string[],
  onLine?: (line: string) => void,
): Child {
  const jvmArgs = [
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
  return startChild(setup.java, jvmArgs, onLine);
}
