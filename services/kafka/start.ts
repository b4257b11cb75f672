import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Progress } from "../driver.ts";
import { javaCommand } from "../java/available.ts";
import { type Restartable, startRestartable } from "../restartable.ts";
import { kafkaAvailable } from "./available.ts";
import type { GuardSetup } from "./guard.ts";
import { KAFKA_VERSION, kafkaJars } from "./jars.ts";
import { freePorts } from "../ports.ts";

export { kafkaAvailable } from "./available.ts";

const GUARD = fileURLToPath(new URL("guard.ts", import.meta.url));
const PORT_ATTEMPTS = 3;

export interface KafkaOptions {
  /** Told what is being done, a line at a time. Default: written to stderr. */
  progress?: Progress;
  /** How long the broker may take to be ready, fetching its jars not counted. Default 90,000. */
  timeoutMs?: number;
  /**
   * Given the broker's address, gives the one that clients are told and connect to: a proxy's, that
   * a test can cut. Called again where the broker has to be given another port.
   */
  through?: (brokers: string) => Promise<string>;
}

export interface RealKafka extends Restartable {
  /** `127.0.0.1:port`, as `KAFKA_BROKERS` has it; with `through`, what that gave. */
  brokers: string;
}

/**
 * Starts Kafka 4.1.1, one KRaft node on free loopback ports, in about 4 s; the first time Maven
 * fetches its jars. It ends, and its data is removed, when this process ends, however it ends.
 *
 * @throws Error where Java or Maven is lacking, the jars can't be fetched, or the broker is not
 *   ready in time; the message has the reason, the way out and the end of the broker's log.
 * @example
 * const { brokers, stop } = await startKafka();
 * const kafka = new Kafka({ brokers: [brokers] });
 * await stop();
 */
export async function startKafka(options: KafkaOptions = {}): Promise<RealKafka> {
  const progress = options.progress ?? ((line) => void process.stderr.write(`${line}\n`));
  const absence = await kafkaAvailable();
  if (absence !== undefined) throw new Error(`No real Kafka: ${absence.why}. ${absence.wayOut}.`);
  const jars = await kafkaJars(progress);

  for (let attempt = 1; ; attempt++) {
    const [client, controller] = (await freePorts(2)) as [number, number];
    const folder = await mkdtemp(join(tmpdir(), "throughline-kafka-"));
    const bound = `127.0.0.1:${client}`;
    const brokers = (await options.through?.(bound)) ?? bound;
    progress(`Kafka ${KAFKA_VERSION}: starting on ${brokers}`);
    try {
      const java = javaCommand();
      const timeoutMs = options.timeoutMs ?? 90_000;
      const ports = { client, controller };
      const setup: GuardSetup = { java, jars, folder, ports, advertised: brokers, timeoutMs };
      const server = await startRestartable(`Kafka ${KAFKA_VERSION}`, GUARD, setup, progress);
      return Object.assign(server, { brokers });
    } catch (error) {
      // Another process can take a port between our look at it and the broker's.
      const portTaken = /Address already in use/.test((error as Error).message);
      if (!portTaken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
