// npm run versions [-- <client> ...]: the oldest version of each client that the runtime library admits as
// a peer, and of OpenTelemetry's api, against the packed library on the client's real server. What
// is compiled is left out: its oldest version is the one that npm run native builds.
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startAll } from "../services/start.mjs";
import { prepareFolder } from "./matrix/cell.mjs";
import { sdk2 } from "./matrix/cells.mjs";
import { packLibrary } from "./matrix/pack.mjs";
import { tested } from "./matrix/tested.mjs";
import { seconds } from "./node-24/run.mjs";
import { oldestOf, setsOf } from "./versions/oldest.mjs";

const root = join(import.meta.dirname, "..");
const read = (file) => JSON.parse(readFileSync(join(root, file), "utf8"));
const { devDependencies } = read("package.json");
const { peerDependencies } = read("packages/throughline/package.json");
const { sets, asTested, compiled } = setsOf(peerDependencies, devDependencies);
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !sets.some((set) => set.name === name));
if (unknown !== undefined) {
  console.error(
    `There is no ${unknown} to try. There are: ${sets.map(({ name }) => name).join(", ")}`,
  );
  process.exit(2);
}

const home = realpathSync(mkdtempSync(join(tmpdir(), "throughline-versions-")));
process.on("exit", () => rmSync(home, { recursive: true, force: true }));
const env = { ...process.env };
for (const name of ["NODE_OPTIONS", "NODE_TEST_CONTEXT"]) delete env[name];

const chosen = sets.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const tarball = await packLibrary({ root, home, env });
const only = [...new Set(chosen.flatMap(({ servers }) => servers))];
const services = await startAll({ only });
Object.assign(env, services.env);
const totals = { passed: 0, failed: 0, skipped: 0 };
try {
  for (const set of chosen) await tryOut(set);
} finally {
  await services.stop();
}
for (const name of [...asTested, ...compiled]) {
  const runs = compiled.includes(name) ? "npm run native" : "npm test";
  console.log(`${name} ${devDependencies[name]} is the oldest, and the one that ${runs} runs`);
}
for (const { name, why, wayOut } of services.absent) {
  console.log(`absent: ${name}: ${why}\n  ${wayOut}`);
  if (process.env.CI) totals.failed++;
}
process.exitCode = totals.failed > 0 ? 1 : 0;
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);

async function tryOut({ name, clients, contracts, rewrite }) {
  const began = Date.now();
  const versions = Object.entries(clients).map(([client, version]) => `${client} ${version}`);
  console.log(`\n${name}: ${versions.join(", ")}`);
  const packages = {
    ...sdk2.packages,
    "@opentelemetry/api": oldestOf(peerDependencies["@opentelemetry/api"]),
    ...clients,
    "fast-check": devDependencies["fast-check"],
  };
  const { folder, tests } = await prepareFolder({ name, packages, root, home, tarball, env });
  for (const [file, change] of Object.entries(rewrite ?? {})) {
    const path = join(folder, "test", file);
    writeFileSync(path, change(readFileSync(path, "utf8")));
  }
  const files = tests.filter((file) =>
    contracts.includes(file.replace(/^test\/|\.test\.js$/g, "")),
  );
  if (files.length !== contracts.length)
    throw new Error(`${name}: not all of ${contracts} are there`);
  const result = await tested(process.execPath, { folder, files, env });
  if (result.why !== undefined) console.log(`${name}: ${result.why}`);
  // A set of which nothing ran has not been tried.
  if (result.passed === 0 && result.failed === 0 && process.env.CI) result.failed = 1;
  for (const key of Object.keys(totals)) totals[key] += result[key];
  console.log(`${name}: ${result.passed} passed, ${result.failed} failed, ${seconds(began)} s`);
}
