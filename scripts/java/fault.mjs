// Runs one program of java/faults as it stands.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { startAll } from "../../services/start.mjs";
import { compiled } from "./maven.mjs";
import { newerJava } from "./newer-java.mjs";

const PACKAGE = join("src", "main", "java", "io", "throughline", "faults");

/**
 * @param {string} folder The folder of the Java companion.
 * @param {string} name The program's class.
 * @param {"--lost" | "--whole"} which
 * @param {string} line Of spring-kafka.
 * @returns {Promise<number>} Its exit code.
 */
export async function runFault(folder, name, which, line) {
  const module = join(folder, "faults");
  if (!existsSync(join(module, PACKAGE, `${name}.java`))) {
    console.error(`There is no fault ${name}. There are: ${(await programs(module)).join(", ")}.`);
    return 2;
  }
  const classes = await compiled(folder, "faults", line);
  if (classes === undefined) return 1;
  const services = await startAll({ only: ["kafka"] });
  try {
    for (const { why, wayOut } of services.absent) console.error(`${why}\n${wayOut}`);
    if (services.absent.length > 0) return 1;
    const { java = "java" } = newerJava(join(folder, "..", ".cache"));
    const { status } = spawnSync(java, ["-cp", classes, `io.throughline.faults.${name}`, which], {
      stdio: "inherit",
      env: { ...process.env, ...services.env },
    });
    return status ?? 1;
  } finally {
    await services.stop();
  }
}

async function programs(module) {
  const found = [];
  for (const file of await readdir(join(module, PACKAGE))) {
    const source = await readFile(join(module, PACKAGE, file), "utf8");
    if (source.includes("void main(")) found.push(file.replace(/\.java$/, ""));
  }
  return found;
}
