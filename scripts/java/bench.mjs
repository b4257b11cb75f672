// What the Java companion costs, beside OpenTelemetry's own library: java/bench.
import { spawnSync } from "node:child_process";
import { compiled } from "./maven.mjs";

/**
 * @param {string} folder The folder of the Java companion.
 * @param {string} line Of spring-kafka.
 * @param {boolean} short Small counts: shows that it runs.
 * @returns {Promise<number>} Its exit code.
 */
export async function runBench(folder, line, short) {
  const classes = await compiled(folder, "bench", line);
  if (classes === undefined) return 1;
  const args = ["-cp", classes, "io.throughline.bench.Bench", ...(short ? ["--short"] : [])];
  return spawnSync("java", args, { stdio: "inherit" }).status ?? 1;
}
