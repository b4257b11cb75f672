import { fileURLToPath } from "node:url";
import type { Progress } from "../driver.ts";
import { cachedJars as cached, fetchedJars, type JarSet } from "../java/jars.ts";

export const KAFKA_VERSION = "4.1.1";

export const KAFKA: JarSet = {
  title: `Kafka ${KAFKA_VERSION}`,
  folder: `kafka-${KAFKA_VERSION}`,
  pom: fileURLToPath(new URL("pom.xml", import.meta.url)),
  megabytes: 43,
  ownServer: "or set KAFKA_BROKERS=host:port to use a Kafka of your own",
};

/** The folder with Kafka's jars, where all of them are there and whole; else `undefined`. */
export function cachedJars(): Promise<string | undefined> {
  return cached(KAFKA);
}

/** The folder with Kafka's jars; Maven fetches them the first time. */
export function kafkaJars(progress: Progress): Promise<string> {
  return fetchedJars(KAFKA, progress);
}
