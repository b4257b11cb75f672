import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Absence } from "../driver.ts";
import { cachedJaeger, JAEGER_VERSION } from "./binary.ts";

/** What Jaeger's go.mod asks for; a newer Go fetches the toolchain that it wants by itself. */
const GO_MINOR = 24;
const PROBE_TIMEOUT_MS = 20_000;

/**
 * Tells what is lacking to run Jaeger here: Go, unless it was built before. `undefined` when nothing
 * is. Starts, fetches and builds nothing.
 *
 * @example
 * const absence = await jaegerAvailable();
 * if (absence) console.log(`no Jaeger: ${absence.why}; ${absence.wayOut}`);
 */
export async function jaegerAvailable(): Promise<Absence | undefined> {
  if ((await cachedJaeger()) !== undefined) return undefined;
  const wayOut =
    `Install Go 1.${GO_MINOR} or later (https://go.dev/dl; Jaeger is built with it once, 5 min on two ` +
    "cores), or set JAEGER_OTLP_ENDPOINT and JAEGER_QUERY_ENDPOINT to use a Jaeger of your own";
  const version = await promisify(execFile)("go", ["version"], { timeout: PROBE_TIMEOUT_MS }).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
  if (version === undefined) {
    return { why: `no Go here (tried go), and Jaeger ${JAEGER_VERSION} is not built yet`, wayOut };
  }
  const minor = Number(/go1\.(\d+)/.exec(version)?.[1]);
  if (minor >= GO_MINOR) return undefined;
  return { why: `Jaeger ${JAEGER_VERSION} needs Go 1.${GO_MINOR}; this is ${version}`, wayOut };
}
