import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cacheFolder, removeAbandoned } from "../cache.ts";
import type { Progress } from "../driver.ts";

/** The jars of one server, which Maven copies into the cache. */
export interface JarSet {
  /** The server and its version, for people: `Kafka 4.1.1`. */
  readonly title: string;
  /** The name of its folder in the cache: `kafka-4.1.1`. */
  readonly folder: string;
  /** The pom whose dependencies they are. */
  readonly pom: string;
  readonly megabytes: number;
  /** What to do where Maven can't fetch them. */
  readonly ownServer: string;
}

const STAMP = "complete.json";
const FETCH_TIMEOUT_MS = 10 * 60_000;
const JARS_A_LINE = 15;

/** The stamp, written last: every jar's name and size in bytes. */
type Stamp = Record<string, number>;

/** The folder with a server's jars, where all of them are there and whole; else `undefined`. */
export async function cachedJars(set: JarSet): Promise<string | undefined> {
  const folder = join(cacheFolder(), set.folder);
  try {
    const stamp = JSON.parse(await readFile(join(folder, STAMP), "utf8")) as Stamp;
    for (const [jar, bytes] of Object.entries(stamp)) {
      if ((await stat(join(folder, jar))).size !== bytes) return undefined;
    }
    return folder;
  } catch {
    return undefined;
  }
}

/**
 * The folder with a server's jars; Maven fetches them the first time. Several processes may do this
 * at once: each fills a folder of its own, and the first to finish puts it in place.
 *
 * @throws Error where Maven fails, with Maven's reason.
 */
export async function fetchedJars(set: JarSet, progress: Progress): Promise<string> {
  const cached = await cachedJars(set);
  if (cached !== undefined) return cached;

  const cache = cacheFolder();
  await mkdir(cache, { recursive: true });
  await removeAbandoned();
  const staging = await mkdtemp(join(cache, `${set.folder}.partial-`));
  try {
    progress(
      `${set.title}: fetching its jars with Maven into ${cache} (${set.megabytes} MB, once)`,
    );
    await fetchJars(set, staging, progress);
    await writeFile(join(staging, STAMP), JSON.stringify(await sizes(staging), undefined, 1));
    return await putInPlace(set, staging);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

function fetchJars(set: JarSet, folder: string, progress: Progress): Promise<void> {
  const maven = spawn(
    "mvn",
    [
      "--batch-mode",
      `--file=${set.pom}`,
      "dependency:copy-dependencies",
      "-DincludeScope=runtime",
      `-DoutputDirectory=${folder}`,
    ],
    { stdio: ["ignore", "pipe", "pipe"], timeout: FETCH_TIMEOUT_MS },
  );
  const errors: string[] = [];
  let fetched = 0;
  for (const stream of [maven.stdout, maven.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      if (/^(\[.*?ERROR.*?\]|Error)/.test(line) && errors.length < 5) errors.push(line);
      if (/Downloaded from .*\.jar/.test(line) && ++fetched % JARS_A_LINE === 0) {
        progress(`${set.title}: ${fetched} jars fetched`);
      }
    });
  }
  return new Promise((resolve, reject) => {
    const refuse = (why: string): void =>
      reject(
        new Error(
          `Maven could not fetch the jars of ${set.title}: ${why}\n` +
            "Let Maven reach its repository (a mirror goes into ~/.m2/settings.xml) and run this again, " +
            `${set.ownServer}.`,
        ),
      );
    maven.once("error", (error) => refuse(error.message));
    maven.once("close", (code, signal) => {
      if (code === 0) resolve();
      else if (signal !== null)
        refuse(`it was ended by ${signal}; ${FETCH_TIMEOUT_MS / 60_000} min are the limit`);
      else refuse(`it ended with ${code}\n${errors.join("\n")}`);
    });
  });
}

async function sizes(folder: string): Promise<Stamp> {
  const stamp: Stamp = {};
  for (const jar of await readdir(folder)) stamp[jar] = (await stat(join(folder, jar))).size;
  return stamp;
}

/** Renaming is what makes a folder the server's: a half-filled one never has the name. */
async function putInPlace(set: JarSet, staging: string): Promise<string> {
  const folder = join(cacheFolder(), set.folder);
  try {
    await rename(staging, folder);
  } catch (error) {
    const another = await cachedJars(set);
    if (another !== undefined) return another;
    await rm(folder, { recursive: true, force: true }); // damaged: jars are missing or cut short
    await rename(staging, folder).catch(() => Promise.reject(error as Error));
  }
  return folder;
}
