// Runs Maven in java/, and counts what surefire reports.
import { spawn } from "node:child_process";
import { readdir, readFile, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** Lines of Maven's own that say something to a reader in a hurry. */
const TELLING = /Tests run:.* in |\[ERROR\]|BUILD FAILURE|FAILURE!|There are test failures/;

/**
 * Runs `mvn` with some arguments; what it says is kept, and only what tells is shown.
 *
 * @param {string} folder
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} Its exit code.
 */
export function maven(folder, args, env) {
  const child = spawn("mvn", ["--batch-mode", "--no-transfer-progress", ...args], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const tail = [];
  let rest = "";
  const read = (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      tail.push(line);
      if (tail.length > 60) tail.shift();
      if (TELLING.test(line)) console.log(line.replace(/^\[\w+\] /, "  "));
    }
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", read);
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code !== 0) console.log(tail.join("\n"));
      resolve(code ?? 1);
    });
  });
}

/** Compiles one module, and gives the class path to run it with; undefined where that fails. */
export async function compiled(folder, module, line) {
  const goals = ["compile", "dependency:build-classpath", "-Dmdep.outputFile=target/classpath"];
  const args = ["--quiet", "-pl", `library,${module}`, `-Pspring-kafka-${line}`, ...goals];
  if ((await maven(folder, args, process.env)) !== 0) return undefined;
  const target = join(folder, module, "target");
  const libraries = await readFile(join(target, "classpath"), "utf8");
  return [join(target, "classes"), libraries.trim()].join(delimiter);
}

/** Removes the reports of earlier runs, which would be counted again. */
export async function forget(folder) {
  for (const module of await modules(folder)) {
    await rm(join(folder, module, "target", "surefire-reports"), { recursive: true, force: true });
  }
}

/** What the reports below `folder` count. */
export async function counted(folder) {
  const sums = { passed: 0, failed: 0, skipped: 0 };
  for (const module of await modules(folder)) {
    const reports = join(folder, module, "target", "surefire-reports");
    for (const file of await readdir(reports).catch(() => [])) {
      if (!file.endsWith(".xml")) continue;
      const suite = /<testsuite\s[^>]*>/.exec(await readFile(join(reports, file), "utf8"))?.[0];
      const count = (name) => Number(new RegExp(`\\s${name}="(\\d+)"`).exec(suite ?? "")?.[1] ?? 0);
      const failed = count("failures") + count("errors");
      sums.failed += failed;
      sums.skipped += count("skipped");
      sums.passed += count("tests") - failed - count("skipped");
    }
  }
  return sums;
}

async function modules(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
