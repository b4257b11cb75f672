import type { ChildProcess } from "node:child_process";
import type { Progress } from "../driver.ts";
import { startGuarded } from "../guarded.ts";
import { freePorts } from "../ports.ts";
import { jaegerAvailable } from "./available.ts";
import { JAEGER_VERSION, jaegerBinary } from "./binary.ts";
import { configuration } from "./configuration.ts";

export { jaegerAvailable } from "./available.ts";

const PORT_ATTEMPTS = 3;
/** The collector's own words, once every receiver and extension of it has started. */
const READY = /Everything is ready/;

export interface JaegerOptions {
  /** Told what is being done, a line at a time. Default: written to stderr. */
  progress?: Progress;
  /** Traces kept in memory; the oldest go first. Default 100,000. */
  maxTraces?: number;
  /** OTLP/HTTP base URL that is sent every span as well, once it is stored. */
  forwardTo?: string;
  /** How long it may take to be ready, building it not counted. Default 30,000. */
  timeoutMs?: number;
}

export interface Jaeger {
  /** What OTEL_EXPORTER_OTLP_ENDPOINT is to be set to: OTLP over HTTP. */
  otlp: string;
  /** Base URL of the query API, `/api/v3/…`, and of the page. */
  query: string;
  /** Ends it; its traces are gone. Resolves when its processes have ended; may be called twice. */
  stop(): Promise<void>;
  /** The guard, which ends Jaeger when this process ends. */
  process: ChildProcess;
}

/**
 * Starts Jaeger 2.13 with its traces in memory, on free loopback ports, in about a second; the
 * first time Go builds it. It ends when this process ends, however it ends.
 *
 * @throws Error where Go is lacking, fails, or Jaeger is not ready in time, with the reason and the
 *   way out.
 * @example
 * const { otlp, query, stop } = await startJaeger();
 * const services = await fetch(`${query}/api/v3/services`);
 * await stop();
 */
export async function startJaeger(options: JaegerOptions = {}): Promise<Jaeger> {
  const progress = options.progress ?? ((line) => void process.stderr.write(`${line}\n`));
  const absence = await jaegerAvailable();
  if (absence !== undefined) throw new Error(`No Jaeger: ${absence.why}. ${absence.wayOut}.`);
  const binary = await jaegerBinary(progress);

  for (let attempt = 1; ; attempt++) {
    const [otlp, query, queryGrpc] = (await freePorts(3)) as [number, number, number];
    const storage = {
      maxTraces: options.maxTraces ?? 100_000,
      ...(options.forwardTo !== undefined && { forwardTo: options.forwardTo }),
    };
    try {
      progress(`Jaeger ${JAEGER_VERSION}: starting, its API on http://127.0.0.1:${query}`);
      const { process: guard, stop } = await startGuarded({
        name: `Jaeger ${JAEGER_VERSION}`,
        command: [binary, "--config=env:JAEGER_CONFIGURATION"],
        env: { JAEGER_CONFIGURATION: configuration({ otlp, query, queryGrpc }, storage) },
        ready: READY,
        timeoutMs: options.timeoutMs ?? 30_000,
      });
      return {
        otlp: `http://127.0.0.1:${otlp}`,
        query: `http://127.0.0.1:${query}`,
        process: guard,
        stop,
      };
    } catch (error) {
      // Another process can take a port between our look at it and Jaeger's.
      const portTaken = /address already in use/.test((error as Error).message);
      if (!portTaken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
