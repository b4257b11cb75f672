import { execFile, spawn } from "node:child_process";
import { access, constants, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheFolder, removeAbandoned } from "../cache.ts";
import type { Progress } from "../driver.ts";

export const JAEGER_VERSION = "2.13.0";

/** Jaeger 2's Go module goes by the number of its last 1.x. */
const MODULE = "github.com/jaegertracing/jaeger@v1.76.0";
/** What go.sum would have for it; its own go.sum pins all that it needs. */
const MODULE_SUM = "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g=";
const NAME_IN_BINARY = "github.com/jaegertracing/jaeger/internal/version.latestVersion";
const BUILD_TIMEOUT_MS = 30 * 60_000;
const TAIL_BYTES = 4096;

const binaryFile = (): string =>
  join(cacheFolder(), `jaeger-${JAEGER_VERSION}-${process.platform}-${process.arch}`);

/** Jaeger's executable, where it was built before; else `undefined`. */
export async function cachedJaeger(): Promise<string | undefined> {
  const file = binaryFile();
  const runs = await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
  return runs ? file : undefined;
}

/**
 * Jaeger's executable; Go builds it from its module the first time, some five minutes on two cores,
 * seconds where Go's own cache has it. Two processes may do so at once: each builds a file of its
 * own, and a whole one is put in place.
 *
 * @throws Error where Go fails, with its reason, or the module is not the one expected.
 */
export async function jaegerBinary(progress: Progress): Promise<string> {
  const cached = await cachedJaeger();
  if (cached !== undefined) return cached;
  await mkdir(cacheFolder(), { recursive: true });
  await removeAbandoned();
  const staging = await mkdtemp(join(cacheFolder(), `jaeger-${JAEGER_VERSION}.partial-`));
  try {
    const built = join(staging, "jaeger");
    progress(`Jaeger ${JAEGER_VERSION}: building it with Go, once (5 min on two cores)`);
    await build(await moduleFolder(), built);
    await rename(built, binaryFile());
    progress(`Jaeger ${JAEGER_VERSION}: built`);
    return binaryFile();
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** The module's folder in Go's cache, fetched where it is not there. */
async function moduleFolder(): Promise<string> {
  const { stdout } = await promisify(execFile)("go", ["mod", "download", "-json", MODULE]).catch(
    (error: Error & { stdout?: string; stderr?: string }) => {
      throw goFailed(`${error.stdout ?? ""}${error.stderr ?? ""}` || error.message);
    },
  );
  const { Dir, Sum } = JSON.parse(stdout) as { Dir: string; Sum: string };
  if (Sum !== MODULE_SUM) {
    throw new Error(`Go's module ${MODULE} has the sum ${Sum}, not ${MODULE_SUM}: not built.`);
  }
  return Dir;
}

/**
 * Built inside its own module, whose `replace` then counts; `go install` refuses a module that has
 * one. The folder is read-only and stays as it is.
 */
function build(folder: string, output: string): Promise<void> {
  const flags = ["-mod=readonly", "-trimpath", "-buildvcs=false"];
  const link = `-s -w -X ${NAME_IN_BINARY}=v${JAEGER_VERSION}`;
  const go = spawn("go", ["build", ...flags, "-ldflags", link, "-o", output, "./cmd/jaeger"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    timeout: BUILD_TIMEOUT_MS,
  });
  let tail = "";
  go.stderr.on("data", (chunk: Buffer) => (tail = (tail + chunk.toString()).slice(-TAIL_BYTES)));
  return new Promise((resolve, reject) => {
    go.once("error", (error) => reject(goFailed(error.message)));
    go.once("close", (code, signal) =>
      code === 0 ? resolve() : reject(goFailed(`${tail}(${signal ?? `exit code ${code}`})`)),
    );
  });
}

const goFailed = (why: string): Error =>
  new Error(
    `Go could not build Jaeger ${JAEGER_VERSION}: ${why.trim()}\n` +
      "Let Go reach its module proxy (GOPROXY) and run this again, or set JAEGER_OTLP_ENDPOINT and " +
      "JAEGER_QUERY_ENDPOINT to use a Jaeger of your own.",
  );
