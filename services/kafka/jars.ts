import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { cacheFolder, removeAbandoned } from "../cache.ts";
import type { Progress } from "../driver.ts";

export const KAFKA_VERSION = "4.1.1";

const POM = fileURLToPath(new URL("pom.xml", import.meta.url));
const STAMP = "complete.json";
const FETCH_TIMEOUT_MS = 10 * 60_000;
const JARS_A_LINE = 15;

/** The stamp, written last: every jar's name and size in bytes. */
type Stamp = Record<string, number>;

const jarsFolder = (): string => join(cacheFolder(), `kafka-${KAFKA_VERSION}`);

/** The folder with Kafka's jars, where all of them are there and whole; else `undefined`. */
export async function cachedJars(): Promise<string | undefined> {
  const folder = jarsFolder();
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
 * The folder with Kafka's jars; Maven fetches them (43 MB) the first time. Several processes may do
 * this at once: each fills a folder of its own, and the first to finish puts it in place.
 *
 * @throws Error where Maven fails, with Maven's reason.
 */
export async function kafkaJars(progress: Progress): Promise<string> {
  const cached = await cachedJars();
  if (cached !== undefined) return cached;

  const cache = cacheFolder();
  await mkdir(cache, { recursive: true });
  await removeAbandoned();
  const staging = await mkdtemp(join(cache, `kafka-${KAFKA_VERSION}.partial-`));
  try {
    progress(`Kafka ${KAFKA_VERSION}: fetching its jars with Maven into ${cache} (43 MB, once)`);
    await fetchJars(staging, progress);
    await writeFile(join(staging, STAMP), JSON.stringify(await sizes(staging), undefined, 1));
    return await putInPlace(staging);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

function fetchJars(folder: string, progress: Progress): Promise<void> {
  const maven = spawn(
    "mvn",
    [
      "--batch-mode",
      `--file=${POM}`,
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
        progress(`Kafka ${KAFKA_VERSION}: ${fetched} jars fetched`);
      }
    });
  }
  return new Promise((resolve, reject) => {
    const refuse = (why: string): void =>
      reject(
        new Error(
          `Maven could not fetch Kafka's jars: ${why}\n` +
            "Let Maven reach its repository (a mirror goes into ~/.m2/settings.xml) and run this again, " +
            "or set KAFKA_BROKERS=host:port to use a Kafka of your own.",
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

/** Renaming is what makes a folder Kafka's: a half-filled one never has the name. */
async function putInPlace(staging: string): Promise<string> {
  const folder = jarsFolder();
  try {
    await rename(staging, folder);
  } catch (error) {
    const another = await cachedJars();
    if (another !== undefined) return another;
    await rm(folder, { recursive: true, force: true }); // damaged: jars are missing or cut short
    await rename(staging, folder).catch(() => Promise.reject(error as Error));
  }
  return folder;
}
