import type { Absence } from "../driver.ts";
import { jarsAvailable } from "../java/available.ts";
import { KAFKA } from "./jars.ts";

/** The oldest Java that runs a Kafka 4 broker. */
const JAVA_MAJOR = 17;

/**
 * Tells what is lacking to run a real Kafka here: Java 17, and Maven unless the jars are in the
 * cache already. `undefined` when nothing is. Starts and fetches nothing.
 *
 * @example
 * const absence = await kafkaAvailable();
 * if (absence) console.log(`no real Kafka: ${absence.why}; ${absence.wayOut}`);
 */
export function kafkaAvailable(): Promise<Absence | undefined> {
  return jarsAvailable(KAFKA, JAVA_MAJOR);
}
