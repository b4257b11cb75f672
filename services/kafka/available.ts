import { execFile } from "node:child_process";
import { join } from "node:path";
import type { Absence } from "../driver.ts";
import { cachedJars } from "./jars.ts";

/** The oldest Java that runs a Kafka 4 broker. */
const JAVA_MAJOR = 17;
const PROBE_TIMEOUT_MS = 20_000;
const OWN_KAFKA = "or set KAFKA_BROKERS=host:port to use a Kafka of your own";

/** The `java` that is used: JAVA_HOME's, else the first on PATH. */
export function javaCommand(): string {
  const home = process.env["JAVA_HOME"];
  return home === undefined || home === "" ? "java" : join(home, "bin", "java");
}

/**
 * Tells what is lacking to run a real Kafka here: Java 17, and Maven unless the jars are in the
 * cache already. `undefined` when nothing is. Starts and fetches nothing.
 *
 * @example
 * const absence = await kafkaAvailable();
 * if (absence) console.log(`no real Kafka: ${absence.why}; ${absence.wayOut}`);
 */
export async function kafkaAvailable(): Promise<Absence | undefined> {
  const java = javaCommand();
  const version = await outputOf(java, ["-version"]);
  const wanted = `Install Java ${JAVA_MAJOR} or later (Debian: apt-get install openjdk-17-jre-headless)`;
  if (version === undefined) {
    return { why: `no Java here (tried ${java})`, wayOut: `${wanted}, ${OWN_KAFKA}` };
  }
  const major = Number(/version "(\d+)/.exec(version)?.[1]);
  if (!(major >= JAVA_MAJOR)) {
    const found = version.split("\n", 1)[0];
    return {
      why: `Kafka 4 needs Java ${JAVA_MAJOR}; ${java} is ${found}`,
      wayOut: `${wanted}, ${OWN_KAFKA}`,
    };
  }
  if ((await cachedJars()) === undefined && (await outputOf("mvn", ["--version"])) === undefined) {
    return {
      why: "no Maven here (tried mvn), and Kafka's jars are not in the cache yet",
      wayOut: `Install Maven (Debian: apt-get install maven), ${OWN_KAFKA}`,
    };
  }
  return undefined;
}

/** stdout and stderr of a command that succeeds; `undefined` where it is absent or fails. */
function outputOf(command: string, args: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: PROBE_TIMEOUT_MS }, (error, stdout, stderr) => {
      resolve(error === null ? stdout + stderr : undefined);
    });
  });
}
