// npm test [-- <path or glob> ...] [--name <pattern>] [--no-servers]
// Runs every test from source on Node 24, with the real servers that this machine can start. The
// last line is always `N passed, N failed, N skipped`.
import { availableParallelism, constants } from "node:os";
import { join } from "node:path";
import { run } from "node:test";
import { parseArgs } from "node:util";
import { drivers, startAll } from "../services/start.mjs";
import { builtNative } from "./native/home.mjs";
import { ensureDependencies } from "./node-24/dependencies.mjs";
import { selectFiles } from "./test/files.mjs";
import { serversFor } from "./test/needs.mjs";
import { report } from "./test/report.mjs";

const root = join(import.meta.dirname, "..");
const help = `npm test                                  every test
npm test -- packages/throughline          the tests under a folder
npm test -- packages/doctor/test/a.test.ts one file; a glob works too
  --name <pattern>   only tests whose name matches this regular expression
  --timeout <s>      longest time for each file (default 300)
  --one-by-one       one file at a time, for tests that a busy machine disturbs
  --no-servers       start no broker, not even those that the chosen files use; tests that need one are skipped with the reason
With CI set in the environment a server that could not be started is a failure.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: "string" },
    timeout: { type: "string", default: "300" },
    "one-by-one": { type: "boolean" },
    "no-servers": { type: "boolean" },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const timeout = Number(values.timeout) * 1000;
if (!(timeout > 0)) {
  console.error(`--timeout takes seconds, not ${values.timeout}.\n\n${help}`);
  process.exit(2);
}

const files = selectFiles(root, positionals);
if (files.length === 0) {
  console.error(`No test file matches ${positionals.join(" ")}.\n\n${help}`);
  process.exit(2);
}

// The instrumentations that ours stands beside are the bench's own dependencies.
if (files.some((file) => file.startsWith("bench/test/"))) {
  await ensureDependencies(join(root, "bench"), process.execPath, process.env);
}

let services = { env: {}, absent: [], stop: async () => {} };
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => {
    console.error(`\nstopped by ${signal}`);
    const exitCode = 128 + constants.signals[signal];
    // Test processes, and servers that are still starting, end with this process.
    void services.stop().finally(() => process.exit(exitCode));
  });
}
if (!values["no-servers"]) {
  // A few files get what they name; in CI nothing is left to that guess.
  const some = positionals.length > 0 && !process.env.CI;
  const only = some ? serversFor(root, files, await drivers()) : undefined;
  services = await startAll(only && { only });
}
Object.assign(process.env, services.env);
// Where the compiled clients are, if `npm run native` has built them; their tests are skipped else.
process.env.THROUGHLINE_NATIVE ||= builtNative(root) ?? "";

const execArgv = [
  "--conditions=source",
  // kafkajs prints it at each start on Node 24; it says nothing about the code under test.
  "--disable-warning=TimeoutNegativeWarning",
  `--import=${new URL("test/end-with-parent.mjs", import.meta.url)}`,
  `--import=${new URL(`test/end-in-time.mjs?seconds=${values.timeout}`, import.meta.url)}`,
];
// One more than there are processors: most of the long files wait for a broker.
const concurrency = values["one-by-one"] ? 1 : availableParallelism() + 1;
try {
  const events = run({
    files: files.map((file) => join(root, file)),
    cwd: root,
    execArgv,
    concurrency,
    timeout,
    ...(values.name && { testNamePatterns: [new RegExp(values.name)] }),
  });
  const totals = await report(events, { root, files, concurrency, each: positionals.length > 0 });

  for (const { name, why, wayOut } of services.absent) {
    console.log(`\nabsent: ${name}: ${why}\n  ${wayOut}`);
    if (process.env.CI) {
      totals.failed++;
      console.log("  CI is set, so this is a failure.");
    }
  }
  process.exitCode = totals.failed > 0 ? 1 : 0;
  console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
} finally {
  await services.stop();
}
