// npm run native [-- --build]: builds the clients that are compiled (Confluent's, node-rdkafka),
// once, into .cache/native, and runs their tests on a real Kafka. `--build` builds alone.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { buildNative } from "./native/build.mjs";

const root = join(import.meta.dirname, "..");
const [only, ...more] = process.argv.slice(2);
if (more.length > 0 || (only !== undefined && only !== "--build")) {
  console.error("usage: npm run native [-- --build]");
  process.exit(2);
}

try {
  await buildNative(root);
  if (only === undefined) {
    // One at a time: two outages at once on two cores disturb each other.
    const how = ["--one-by-one", "--timeout", "600"];
    const files = [
      "packages/throughline/test/native",
      "scripts/test/page-{confluent,rdkafka}.test.mjs",
    ];
    const tests = ["scripts/test.mjs", ...files, ...how];
    const env = { ...process.env, THROUGHLINE_OUTAGE: "1" };
    const { status } = spawnSync(process.execPath, tests, { cwd: root, stdio: "inherit", env });
    process.exitCode = status ?? 1;
  }
} catch (error) {
  console.error(error.wayOut === undefined ? error : `${error.message}\n${error.wayOut}`);
  process.exitCode = 1;
}
