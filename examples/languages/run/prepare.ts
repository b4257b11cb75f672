import { createHash } from "node:crypto";
import { globSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../../../services/driver.ts";
import { runToEnd } from "./service.ts";
import { pythonCommand } from "./toolchains.ts";

const ROOT = join(import.meta.dirname, "../../..");
const LANGUAGES = join(import.meta.dirname, "..");
const CACHE = join(ROOT, ".cache/languages");
const VENV = join(CACHE, "shipping");

/** The jar that is payments. */
export const PAYMENTS_JAR = join(LANGUAGES, "payments/target/payments.jar");
/** The Python that has what shipping imports. */
export const SHIPPING_PYTHON = join(
  VENV,
  process.platform === "win32" ? "Scripts/python.exe" : "bin/python",
);

interface Built {
  readonly name: string;
  /** Globs below the repository: what it is built from. */
  readonly from: readonly string[];
  build(signal: AbortSignal | undefined): Promise<void>;
}

const payments: Built = {
  name: "payments (Java)",
  from: [
    "examples/languages/pom.xml",
    "examples/languages/payments/{pom.xml,src/**/*}",
    "java/pom.xml",
    "java/library/{pom.xml,src/main/**/*}",
  ],
  async build(signal) {
    const reactor = ["-f", LANGUAGES, "-pl", "payments", "-am"];
    await runToEnd(
      "Building payments with Maven",
      ["mvn", "-B", "-q", ...reactor, "package", "-DskipTests"],
      { cwd: ROOT, signal },
    );
  },
};

const shipping: Built = {
  name: "shipping (Python)",
  // The library is installed in place: its own files may change.
  from: ["examples/languages/shipping/requirements.txt", "python/pyproject.toml"],
  async build(signal) {
    const python = (await pythonCommand()) ?? "python3";
    await rm(VENV, { recursive: true, force: true });
    await runToEnd("Making shipping's virtual environment", [python, "-m", "venv", VENV], {
      cwd: ROOT,
      signal,
    });
    const needs = ["--requirement", join(LANGUAGES, "shipping/requirements.txt")];
    await runToEnd(
      "Installing what shipping needs",
      [SHIPPING_PYTHON, "-m", "pip", "install", "-q", ...needs, "--editable", join(ROOT, "python")],
      { cwd: ROOT, signal },
    );
  },
};

/**
 * Builds payments with Maven and a virtual environment for shipping, each with its language's
 * library from this checkout, unless they were built from the same files before. The first time
 * takes a minute or two.
 *
 * @throws Error where a build fails, with its last lines.
 */
export async function prepare(progress: Progress, signal?: AbortSignal): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  for (const each of [payments, shipping]) {
    const files = await fingerprint(each.from);
    if ((await builtFrom(each)) === files) continue;
    progress(`building ${each.name}, once`);
    await each.build(signal);
    await writeFile(stampOf(each), files);
  }
}

/** What is not built from the files as they are, by name. */
export async function unprepared(): Promise<string[]> {
  const names: string[] = [];
  for (const each of [payments, shipping]) {
    if ((await builtFrom(each)) !== (await fingerprint(each.from))) names.push(each.name);
  }
  return names;
}

const stampOf = ({ name }: Built): string => join(CACHE, `${name.split(" ", 1)[0]}.built-from`);

const builtFrom = (built: Built): Promise<string> =>
  readFile(stampOf(built), "utf8").catch(() => "");

async function fingerprint(globs: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  const files = globSync(globs, { cwd: ROOT, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  for (const file of files) hash.update(file).update(await readFile(file));
  return hash.digest("hex");
}
