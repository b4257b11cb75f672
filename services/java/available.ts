import { execFile } from "node:child_process";
import { join } from "node:path";
import type { Absence } from "../driver.ts";
import { cachedJars, type JarSet } from "./jars.ts";

const PROBE_TIMEOUT_MS = 20_000;

/** The `java` that is used: JAVA_HOME's, else the first on PATH. */
export function javaCommand(): string {
  const home = process.env["JAVA_HOME"];
  return home === undefined || home === "" ? "java" : join(home, "bin", "java");
}

/**
 * Tells what is lacking to run a server of these jars here: a Java of that version or later, and
 * Maven unless the jars are in the cache already. `undefined` when nothing is. Starts and fetches
 * nothing.
 */
export async function jarsAvailable(set: JarSet, javaMajor: number): Promise<Absence | undefined> {
  const java = javaCommand();
  const version = await outputOf(java, ["-version"]);
  const wanted = `Install Java ${javaMajor} or later (Debian: apt-get install openjdk-17-jre-headless)`;
  if (version === undefined) {
    return { why: `no Java here (tried ${java})`, wayOut: `${wanted}, ${set.ownServer}` };
  }
  const major = Number(/version "(\d+)/.exec(version)?.[1]);
  if (!(major >= javaMajor)) {
    const found = version.split("\n", 1)[0];
    return {
      why: `${set.title} needs Java ${javaMajor}; ${java} is ${found}`,
      wayOut: `${wanted}, ${set.ownServer}`,
    };
  }
  if (
    (await cachedJars(set)) === undefined &&
    (await outputOf("mvn", ["--version"])) === undefined
  ) {
    return {
      why: `no Maven here (tried mvn), and the jars of ${set.title} are not in the cache yet`,
      wayOut: `Install Maven (Debian: apt-get install maven), ${set.ownServer}`,
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
