import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Progress } from "../driver.ts";
import { startGuarded } from "../guarded.ts";
import { freePorts } from "../ports.ts";

const SERVER = fileURLToPath(new URL("server.ts", import.meta.url));
const PORT_ATTEMPTS = 3;

export interface FauxqsOptions {
  /** Told what is being done, a line at a time. Default: written to stderr. */
  progress?: Progress;
  /** How long it may take to be ready. Default 30,000. */
  timeoutMs?: number;
  /** The port to listen on. Default: a free one. */
  port?: number;
  /**
   * A folder of the caller's to keep everything in. Default: in memory. A message whose visibility
   * runs out is lost from it (fauxqs 2.4.1).
   */
  folder?: string;
}

export interface Fauxqs {
  /** `http://127.0.0.1:port`, as `FAUXQS_ENDPOINT` has it. */
  endpoint: string;
  port: number;
  /** Kills it; what it held in memory is gone. Resolves when its processes have ended; may be called twice. */
  stop(): Promise<void>;
  /** The guard, which ends the server when this process ends. */
  process: ChildProcess;
}

/**
 * Starts fauxqs, which answers for SQS and SNS, on a free loopback port, in less than a second. It
 * ends when this process ends, however it ends.
 *
 * @throws Error where it is not ready in time, with the end of its log.
 * @example
 * const { endpoint, stop } = await startFauxqs();
 * const sqs = new SQSClient({ endpoint, region: "us-east-1", credentials });
 * await stop();
 */
export async function startFauxqs(options: FauxqsOptions = {}): Promise<Fauxqs> {
  const progress = options.progress ?? ((line) => void process.stderr.write(`${line}\n`));
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? ((await freePorts(1)) as [number])[0];
    progress(`fauxqs: starting on 127.0.0.1:${port}`);
    try {
      const { process: guard, stop } = await startGuarded({
        name: "fauxqs",
        command: [
          process.execPath,
          SERVER,
          String(port),
          ...(options.folder === undefined ? [] : [options.folder]),
        ],
        ready: /^listening on /,
        timeoutMs: options.timeoutMs ?? 30_000,
      });
      return { endpoint: `http://127.0.0.1:${port}`, port, process: guard, stop };
    } catch (error) {
      // Another process can take a port between our look at it and the server's.
      const portTaken = /EADDRINUSE/.test((error as Error).message);
      if (!portTaken || options.port !== undefined || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
