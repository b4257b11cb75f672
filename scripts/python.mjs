// npm run python [-- <step> ...] [-k <expression>]
// Everything that must hold for python/: lint, format, types, the tests on a real Kafka, the wheel in
// a clean environment, the bench in short (`npm run python -- bench` for its figures). The last line is always `N passed, N failed, N skipped`.
import { spawn } from "node:child_process";
import { globSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { styleText, parseArgs } from "node:util";
import { startAll } from "../services/start.mjs";
import { findPython, makeVenv, otherPythons } from "./python/venv.mjs";

const root = join(import.meta.dirname, "..");
const home = join(root, "python");
const cache = join(root, ".cache");
const steps = ["lint", "format", "types", "test", "versions", "wheel", "bench"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { k: { type: "string", short: "k" } },
});
const unknown = positionals.find((name) => !steps.includes(name));
if (unknown !== undefined) {
  console.error(`There is no step ${unknown}. Steps: ${steps.join(", ")}`);
  process.exit(2);
}
const wanted = positionals.length > 0 ? positionals : steps;
const totals = { passed: 0, failed: 0, skipped: 0 };

/** What runs now, and whether a signal has asked for the end of it all. */
let running;
let stopped = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    stopped = true;
    running?.kill(signal);
  });
}

const found = findPython();
if ("why" in found) {
  console.log(`absent: python: ${found.why}\n  ${found.wayOut}`);
  if (process.env.CI) totals.failed++;
  else totals.skipped++;
  end();
}

const requirements = readFileSync(join(home, "requirements.txt"), "utf8");
const python = makeVenv(
  found.python,
  join(cache, "python"),
  ["-r", join(home, "requirements.txt")],
  requirements,
);

/** Runs a step to its end; gives back its exit code and what it printed. */
async function run(command, args, env = {}) {
  if (stopped) return { status: 1, printed: "" };
  const child = spawn(command, args, {
    cwd: home,
    env: { ...process.env, PYTHONPATH: join(home, "src"), ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running = child;
  let printed = "";
  child.stdout.on("data", (chunk) => {
    printed += chunk;
    process.stdout.write(chunk);
  });
  const status = await new Promise((resolve) => child.on("close", resolve));
  return { status, printed };
}

const step = {
  lint: () => run(python, ["-m", "ruff", "check", "."]),
  format: () => run(python, ["-m", "ruff", "format", "--check", "."]),
  types: () => run(python, ["-m", "mypy"]),
  test,
  versions,
  wheel,
  // Its figures take an idle minute; among the other steps it only shows that it runs.
  bench: () =>
    onKafka((env) =>
      run(python, [join("bench", "bench.py"), ...(positionals.length > 0 ? [] : ["--short"])], env),
    ),
};

/** Runs something on a Kafka of the caller's or one that is started for it. */
async function onKafka(work) {
  const services = await startAll({ only: ["kafka"] });
  try {
    for (const { name, why, wayOut } of services.absent) {
      console.log(`absent: ${name}: ${why}\n  ${wayOut}`);
    }
    return await work(services.env);
  } finally {
    await services.stop();
  }
}

/** The tests, on a real Kafka. */
function test() {
  const chosen = values.k === undefined ? [] : ["-k", values.k];
  return onKafka(async (env) => counted(await run(python, ["-m", "pytest", ...chosen], env)));
}

/** Adds pytest's sums to the totals. */
function counted(ended) {
  const count = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(ended.printed)?.[1] ?? 0);
  const failed = count("failed") + count("error");
  totals.passed += count("passed");
  totals.failed += failed;
  totals.skipped += count("skipped");
  return { ...ended, counted: failed > 0 };
}

/**
 * The tests, on a real Kafka too, with the oldest client and OpenTelemetry that the package admits,
 * and on the machine's other Pythons. What the programs of faults/ show is shown once, by `test`.
 */
function versions() {
  return onKafka(onEachVersion);
}

async function onEachVersion(env) {
  const file = (name) => join(home, name);
  const sets = [
    {
      name: "oldest",
      python: found.python,
      requirements: file("requirements-oldest.txt"),
      but: ["-m", "not newer", "--ignore", join("tests", "test_coexist.py")],
    },
    ...otherPythons(found.python).map((each) => ({
      ...each,
      requirements: file("requirements.txt"),
      but: [],
    })),
  ];
  let status = 0;
  for (const { name, python: base, requirements, but } of sets) {
    if (stopped) break;
    console.log(
      `\n${name === "oldest" ? "the oldest client and OpenTelemetry" : `Python ${name}`}`,
    );
    const packages = ["-r", requirements];
    const stamp = readFileSync(requirements, "utf8");
    const bin = makeVenv(base, join(cache, `python-${name}`), packages, stamp);
    const without = ["--ignore", join("tests", "test_faults.py"), ...but];
    const ended = counted(await run(bin, ["-m", "pytest", ...without], env));
    if (ended.status !== 0 && !ended.counted) totals.failed++;
    status ||= ended.status;
  }
  return { status, counted: true };
}

/** The wheel as a user gets it: built, installed where nothing else is, used. */
async function wheel() {
  const dist = join(cache, "python-dist");
  rmSync(dist, { recursive: true, force: true });
  const built = await run(python, ["-m", "hatchling", "build", "-t", "wheel", "-d", dist]);
  if (built.status !== 0) return built;
  const [file] = globSync("*.whl", { cwd: dist });
  const clean = join(cache, "python-wheel");
  rmSync(clean, { recursive: true, force: true });
  const bin = makeVenv(found.python, clean, [`${join(dist, file)}[confluent-kafka]`]);
  return run(bin, ["-I", join(home, "checks", "wheel.py")], { PYTHONPATH: "" });
}

for (const name of wanted) {
  if (stopped) break;
  const began = Date.now();
  console.log(styleText("bold", `\n${name}`));
  const { status, counted } = await step[name]();
  if (status !== 0 && !counted) totals.failed++;
  const took = ((Date.now() - began) / 1000).toFixed(1);
  console.log(
    status === 0
      ? styleText("green", `${name} ok, ${took} s`)
      : styleText("red", `${name} FAILED, ${took} s`),
  );
}
end();

function end() {
  console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
  process.exit(totals.failed > 0 || stopped ? 1 : 0);
}
