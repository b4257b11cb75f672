import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Absence, Progress } from "../driver.ts";
import { startGuarded } from "../guarded.ts";
import { jarsAvailable, javaCommand } from "../java/available.ts";
import { fetchedJars, type JarSet } from "../java/jars.ts";
import { freePorts } from "../ports.ts";

const VERSION = "1.6.16";
const JAVA_MAJOR = 11;
const PORT_ATTEMPTS = 3;

const JARS: JarSet = {
  title: `ElasticMQ ${VERSION}`,
  folder: `elasticmq-${VERSION}`,
  pom: fileURLToPath(new URL("pom.xml", import.meta.url)),
  megabytes: 37,
  ownServer: "or set ELASTICMQ_ENDPOINT=http://host:port to use an ElasticMQ of your own",
};

export interface ElasticmqOptions {
  /** Told what is being done, a line at a time. Default: written to stderr. */
  progress?: Progress;
  /** How long it may take to be ready, fetching its jars not counted. Default 90,000. */
  timeoutMs?: number;
  /** The port to listen on. Default: a free one. */
  port?: number;
  /** A folder of the caller's to keep queues and messages in. Default: in memory. */
  folder?: string;
}

export interface Elasticmq {
  /** `http://127.0.0.1:port`, as `ELASTICMQ_ENDPOINT` has it. */
  endpoint: string;
  port: number;
  /** Kills it. Resolves when its processes have ended; may be called twice. */
  stop(): Promise<void>;
  /** The guard, which ends the server when this process ends. */
  process: ChildProcess;
}

/** Tells what is lacking to run ElasticMQ here; `undefined` when nothing is. */
export function elasticmqAvailable(): Promise<Absence | undefined> {
  return jarsAvailable(JARS, JAVA_MAJOR);
}

/**
 * Starts ElasticMQ, which answers for SQS, on a free loopback port, in about 4 s; the first time
 * Maven fetches its jars. It ends when this process ends, however it ends.
 *
 * @throws Error where Java or Maven is lacking, the jars can't be fetched, or the server is not ready
 *   in time; the message has the reason, the way out and the end of the server's log.
 * @example
 * const { endpoint, stop } = await startElasticmq();
 * const sqs = new SQSClient({ endpoint, region: "us-east-1", credentials });
 * await stop();
 */
export async function startElasticmq(options: ElasticmqOptions = {}): Promise<Elasticmq> {
  const progress = options.progress ?? ((line) => void process.stderr.write(`${line}\n`));
  const absence = await elasticmqAvailable();
  if (absence !== undefined) throw new Error(`No ElasticMQ: ${absence.why}. ${absence.wayOut}.`);
  const jars = await fetchedJars(JARS, progress);

  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? ((await freePorts(1)) as [number])[0];
    progress(`${JARS.title}: starting on 127.0.0.1:${port}`);
    try {
      const { process: guard, stop } = await startGuarded({
        name: JARS.title,
        command: [javaCommand(), ...javaArgs(jars, port, options.folder)],
        ready: /=== ElasticMQ server .* started in/,
        timeoutMs: options.timeoutMs ?? 90_000,
      });
      return { endpoint: `http://127.0.0.1:${port}`, port, process: guard, stop };
    } catch (error) {
      // Another process can take a port between our look at it and the server's.
      const portTaken = /BindException|already in use/i.test((error as Error).message);
      if (!portTaken || options.port !== undefined || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

function javaArgs(jars: string, port: number, folder: string | undefined): string[] {
  const settings: Record<string, string | number | boolean> = {
    "node-address.host": "127.0.0.1",
    "node-address.port": port,
    "rest-sqs.bind-hostname": "127.0.0.1",
    "rest-sqs.bind-port": port,
    "rest-sqs.sqs-limits": "strict",
    "rest-stats.enabled": false,
    ...(folder !== undefined && {
      "messages-storage.enabled": true,
      // Else what was written in the last half second is gone when it is killed.
      "messages-storage.uri": `jdbc:h2:${join(folder, "messages")};WRITE_DELAY=0`,
    }),
  };
  return [
    "-Xmx512m",
    "-XX:TieredStopAtLevel=1", // it starts in half the time, and no test is long enough to gain from more
    "-XX:-UsePerfData", // else a killed JVM leaves a file in the machine's temporary folder
    ...Object.entries(settings).map(([name, value]) => `-D${name}=${value}`),
    "-cp",
    join(jars, "*"),
    "org.elasticmq.server.Main",
  ];
}
