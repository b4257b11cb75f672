import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Progress } from "../driver.ts";
import { type Restartable, startRestartable } from "../restartable.ts";
import { freePorts } from "../ports.ts";
import { rabbitmqAvailable } from "./available.ts";
import type { GuardSetup } from "./guard.ts";

export { rabbitmqAvailable } from "./available.ts";

const GUARD = fileURLToPath(new URL("guard.ts", import.meta.url));
const PORT_ATTEMPTS = 3;

export interface RabbitmqOptions {
  /** Told what is being done, a line at a time. Default: written to stderr. */
  progress?: Progress;
  /** How long the server may take to be ready. Default 90,000. */
  timeoutMs?: number;
  /**
   * How long a message may stay unsettled before the server closes its channel, in ms; it looks as
   * often. Default: the server's own, half an hour.
   */
  consumerTimeoutMs?: number;
}

export interface RealRabbitmq extends Restartable {
  /** `amqp://guest:guest@127.0.0.1:port`, as `AMQP_URL` has it. */
  url: string;
}

/**
 * Starts the RabbitMQ of Debian's package as a server of our own, on free loopback ports and in a
 * folder of its own, in about 4 s. It ends, and its data is removed, when this process ends, however
 * it ends.
 *
 * @throws Error where the package is not installed or the server is not ready in time; the message
 *   has the reason, the way out and the end of the server's log.
 * @example
 * const { url, stop } = await startRabbitmq();
 * const connection = await amqp.connect(url);
 * await stop();
 */
export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<RealRabbitmq> {
  const progress = options.progress ?? ((line) => void process.stderr.write(`${line}\n`));
  const absence = await rabbitmqAvailable();
  if (absence !== undefined) throw new Error(`No RabbitMQ: ${absence.why}. ${absence.wayOut}.`);

  for (let attempt = 1; ; attempt++) {
    const [client, distribution, names] = (await freePorts(3)) as [number, number, number];
    const folder = await mkdtemp(join(tmpdir(), "throughline-rabbitmq-"));
    progress(`RabbitMQ: starting on 127.0.0.1:${client}`);
    const { timeoutMs = 90_000, consumerTimeoutMs } = options;
    const ports = { client, distribution, names };
    const setup: GuardSetup = { folder, ports, timeoutMs, consumerTimeoutMs };
    try {
      const server = await startRestartable("RabbitMQ", GUARD, setup, progress);
      return Object.assign(server, { url: `amqp://guest:guest@127.0.0.1:${client}` });
    } catch (error) {
      // Another process can take a port between our look at it and the server's.
      const portTaken = /eaddrinuse|in use/i.test((error as Error).message);
      if (!portTaken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
