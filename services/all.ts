import { readdir } from "node:fs/promises";
import type { Absence, Progress, ServiceDriver, StartedService } from "./driver.ts";

const DRIVERS = new URL("drivers/", import.meta.url);

export interface StartOptions {
  /** Names of the servers wanted. Default: all but stand-ins. */
  only?: readonly string[];
  /**
   * A server whose variables are set here already is not started, and they are passed on.
   * Default: `process.env`.
   */
  env?: Record<string, string | undefined>;
  /** Told what is being done, a line at a time. Default: written to stderr. */
  progress?: Progress;
}

export interface Services extends StartedService {
  /** Names of the servers that the environment names already. */
  given: string[];
  /** The servers that could not be started. */
  absent: (Absence & { name: string })[];
}

/**
 * Starts the real servers that this machine can run, side by side. What can't be started is reported
 * in `absent`, never thrown. All of them end when this process ends.
 *
 * @throws RangeError where `only` has an unknown name, or two that set the same variable.
 * @example
 * const services = await startAll({ only: ["kafka"] });
 * spawn("node", ["--test"], { env: { ...process.env, ...services.env } });
 * await services.stop();
 */
export async function startAll(options: StartOptions = {}): Promise<Services> {
  const { only, env = process.env, progress = toStderr } = options;
  const wanted = choose(await drivers(), only);
  const started: StartedService[] = [];
  const services: Services = {
    env: {},
    given: [],
    absent: [],
    async stop() {
      await Promise.all(started.map((service) => service.stop()));
    },
  };

  const startOne = async (driver: ServiceDriver): Promise<void> => {
    const set = driver.sets.filter((name) => env[name]);
    if (set.length === driver.sets.length) {
      services.given.push(driver.name);
      for (const name of set) services.env[name] = env[name] ?? "";
      return;
    }
    const absence = await driver.absence();
    if (absence !== undefined) {
      services.absent.push({ name: driver.name, ...absence });
      return;
    }
    const service = await driver.start(progress);
    started.push(service);
    Object.assign(services.env, service.env);
  };
  await Promise.all(
    wanted.map((driver) =>
      startOne(driver).catch((error: Error) => {
        const wayOut = `see it by itself: npm run services -- ${driver.name}`;
        services.absent.push({ name: driver.name, why: error.message, wayOut });
      }),
    ),
  );
  return services;
}

/** Every file in `drivers/`, by name. */
export async function drivers(): Promise<ServiceDriver[]> {
  const files = (await readdir(DRIVERS)).filter((file) => file.endsWith(".ts")).sort();
  const modules = files.map((file) => import(new URL(file, DRIVERS).href));
  return (await Promise.all(modules)).map((module: { default: ServiceDriver }) => module.default);
}

function choose(all: ServiceDriver[], only: readonly string[] | undefined): ServiceDriver[] {
  const unknown = only?.find((name) => !all.some((driver) => driver.name === name));
  if (unknown !== undefined) {
    throw new RangeError(`No server is called ${unknown}. There are: ${names(all)}.`);
  }
  const wanted = all.filter(({ name, unasked }) => only?.includes(name) ?? unasked);
  const sets = wanted.flatMap((driver) => driver.sets);
  const twice = sets.find((name, index) => sets.indexOf(name) < index);
  if (twice !== undefined) {
    const both = wanted.filter((driver) => driver.sets.includes(twice));
    throw new RangeError(`More than one sets ${twice}: name one of ${names(both)}.`);
  }
  return wanted;
}

const names = (some: ServiceDriver[]): string => some.map(({ name }) => name).join(", ");

function toStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
