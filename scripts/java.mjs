// npm run java [-- --line 3.3|4.0] [-- --format]: the Java companion's checks and tests, on each line
// of spring-kafka, on a real Kafka, and those of virtual threads on a Java that has them. The last
// line is then always `N passed, N failed, N skipped`. `-- --fault NAME --lost|--whole` runs one of
// the programs of java/faults.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startAll } from "../services/start.mjs";
import { runBench } from "./java/bench.mjs";
import { runFault } from "./java/fault.mjs";
import { counted, forget, maven } from "./java/maven.mjs";
import { newerJava } from "./java/newer-java.mjs";

const root = join(import.meta.dirname, "..");
const folder = join(root, "java");
const LINES = ["3.3", "4.0"];

const { values } = parseArgs({
  options: {
    line: { type: "string", multiple: true },
    test: { type: "string" },
    format: { type: "boolean" },
    fault: { type: "string" },
    lost: { type: "boolean" },
    whole: { type: "boolean" },
    bench: { type: "boolean" },
    short: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
});
const lines = values.line ?? LINES;
if (values.help || lines.some((line) => !LINES.includes(line))) {
  console.log(`npm run java                         both lines of spring-kafka: ${LINES.join(", ")}
  --line 3.3          one of them
  --test RecordInterceptorTest   one class of tests, as surefire's -Dtest has it
  --format            writes the format and runs no test
  --fault ThreadPool --lost      a program of java/faults that loses its trace; --whole: that does not
  --bench             what it costs; with --short, small counts that show that it runs`);
  process.exit(values.help ? 0 : 2);
}
if (values.format) process.exit(await maven(folder, ["spotless:apply"], process.env));
if (values.fault !== undefined) {
  process.exit(await runFault(folder, values.fault, values.whole ? "--whole" : "--lost", lines[0]));
}
if (values.bench) process.exit(await runBench(folder, lines[0], values.short));

const sums = { passed: 0, failed: 0, skipped: 0 };
const add = (counts) => {
  for (const name of Object.keys(sums)) sums[name] += counts[name];
};
/** What could not be run: named, and with CI set a failure. */
function absent(what, { why, wayOut }) {
  console.log(`\nabsent: ${what}: ${why}\n  ${wayOut}`);
  add(process.env.CI ? { failed: 1, passed: 0, skipped: 0 } : { failed: 0, passed: 0, skipped: 1 });
}

/** One run of the tests; a build that fails without a failed test counts as one. */
async function run(name, args, env) {
  console.log(`\n${name}`);
  await forget(folder);
  // What is left of another line's compilation would be run beside this one's.
  const code = await maven(folder, ["clean", "test", ...args], env);
  const counts = await counted(folder);
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  if (code === 0 && counts.passed === 0) counts.failed = 1; // nothing ran: it proves nothing
  add(counts);
  console.log(
    `${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`,
  );
}

if (spawnSync("mvn", ["--version"]).status === 0) await all();
else {
  absent("the Java companion", {
    why: "no Maven with a Java here (tried mvn)",
    wayOut: "Install Java 17 and Maven (Debian: apt-get install openjdk-17-jdk-headless maven).",
  });
}
process.exitCode = sums.failed > 0 ? 1 : 0;
console.log(`\n${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped`);

async function all() {
  const services = await startAll({ only: ["kafka"] });
  try {
    for (const { name, ...reason } of services.absent) absent(name, reason);
    const env = { ...process.env, ...services.env };
    const only = values.test === undefined ? [] : [`-Dtest=${values.test}`];
    const quiet = ["-Dsurefire.failIfNoSpecifiedTests=false", ...only];
    if (values.test === undefined && (await maven(folder, ["spotless:check"], env)) !== 0) {
      console.log("\nThe format is not ours: npm run java -- --format");
      sums.failed += 1;
    }
    for (const line of lines) {
      await run(`spring-kafka ${line}`, [`-Pspring-kafka-${line}`, ...quiet], env);
    }
    if (values.test !== undefined) return;
    console.log("\nbench");
    if ((await runBench(folder, lines.at(-1), true, env)) !== 0) sums.failed += 1;
    const newer = newerJava(join(root, ".cache"));
    if (newer.java === undefined) return absent("virtual threads", newer);
    const tagged = ["-Dtests.groups=virtual-threads", "-Dtests.excluded=none"];
    const java = `-Dtests.java=${newer.java}`;
    for (const line of lines) {
      const args = [`-Pspring-kafka-${line}`, java, ...tagged];
      await run(`spring-kafka ${line}, virtual threads`, args, env);
    }
  } finally {
    await services.stop();
  }
}
