// What the Java companion costs, beside OpenTelemetry's own library: java/bench.
import { spawnSync } from "node:child_process";
import { startAll } from "../../services/start.mjs";
import { compiled } from "./maven.mjs";

/**
 * @param {string} folder The folder of the Java companion.
 * @param {string} line Of spring-kafka.
 * @param {boolean} short Small counts: shows that it runs.
 * @param {NodeJS.ProcessEnv} env Where KAFKA_BROKERS may name a Kafka; else one is started.
 * @returns {Promise<number>} Its exit code.
 */
export async function runBench(folder, line, short, env = process.env) {
  const classes = await compiled(folder, "bench", line);
  if (classes === undefined) return 1;
  const services = await startAll({ only: ["kafka"], env });
  try {
    for (const { why, wayOut } of services.absent) {
      console.error(`In process only: ${why}\n${wayOut}\n`);
    }
    const args = ["-cp", classes, "io.throughline.bench.Bench", ...(short ? ["--short"] : [])];
    const given = { ...env, ...services.env };
    return spawnSync("java", args, { stdio: "inherit", env: given }).status ?? 1;
  } finally {
    await services.stop();
  }
}
