import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Absence } from "../../../services/driver.ts";
import { kafkaAvailable } from "../../../services/kafka/start.ts";
import { javaCommand } from "../../../services/java/available.ts";

const PROBE_TIMEOUT_MS = 20_000;
const JAVA_MAJOR = 17;
const PYTHON_MINOR = 10;

/** A toolchain that the mixed pipeline lacks here. */
export interface Missing extends Absence {
  readonly name: string;
}

/** What this machine lacks to build and run the services, all of it at once. */
export async function missingToolchains(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Missing[]> {
  const missing: (Missing | undefined)[] = await Promise.all([
    java(),
    maven(),
    pythonCommand().then((command) => (command === undefined ? noPython : undefined)),
    env["KAFKA_BROKERS"] ? undefined : kafka(),
  ]);
  return missing.filter((each) => each !== undefined);
}

async function java(): Promise<Missing | undefined> {
  const command = javaCommand();
  const version = await outputOf(command, ["-version"]);
  const major = Number(/version "(\d+)/.exec(version ?? "")?.[1]);
  if (major >= JAVA_MAJOR) return undefined;
  return {
    name: `Java ${JAVA_MAJOR}, for payments`,
    why:
      version === undefined
        ? `there is none (tried ${command})`
        : `${command} is ${version.split("\n", 1)[0]}`,
    wayOut: "Debian: apt-get install openjdk-17-jdk-headless; others: https://adoptium.net",
  };
}

async function maven(): Promise<Missing | undefined> {
  if ((await outputOf("mvn", ["--version"])) !== undefined) return undefined;
  return {
    name: "Maven, which builds payments",
    why: "there is none (tried mvn)",
    wayOut: "Debian: apt-get install maven; others: https://maven.apache.org/install.html",
  };
}

const noPython: Missing = {
  name: `Python 3.${PYTHON_MINOR} with venv and pip, for shipping`,
  why: "there is none (tried python3 and python)",
  wayOut: "Debian: apt-get install python3-venv; others: https://www.python.org/downloads",
};

/** A Python that is new enough and can make virtual environments; undefined where there is none. */
export async function pythonCommand(): Promise<string | undefined> {
  const probe =
    "import ensurepip, sys, venv; print(sys.version_info[0] * 100 + sys.version_info[1])";
  for (const command of ["python3", "python"]) {
    const version = Number(await outputOf(command, ["-c", probe]));
    if (version >= 300 + PYTHON_MINOR) return command;
  }
  return undefined;
}

async function kafka(): Promise<Missing | undefined> {
  const absence = await kafkaAvailable();
  return absence && { name: "Kafka", ...absence };
}

/** stdout and stderr of a command that succeeds; `undefined` where it is absent or fails. */
async function outputOf(command: string, args: string[]): Promise<string | undefined> {
  const options = { timeout: PROBE_TIMEOUT_MS };
  return promisify(execFile)(command, args, options).then(
    ({ stdout, stderr }) => stdout + stderr,
    () => undefined,
  );
}

/** The toolchains that are missing, each with its reason and the way to get it. */
export function missingAsText(missing: readonly Missing[]): string {
  const lines = missing.map(({ name, why, wayOut }) => `  ${name}: ${why}.\n    ${wayOut}`);
  return `The mixed pipeline can't run here. What is missing:\n${lines.join("\n")}`;
}
