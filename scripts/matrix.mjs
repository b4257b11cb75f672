// npm run matrix [-- <cell> ...]: packs the runtime library and runs its tests against the packed
// one, in each cell of Node × OpenTelemetry SDK. What users install is what is tested.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { startAll } from "../services/start.mjs";
import { prepareCell } from "./matrix/cell.mjs";
import { cells, nameOf } from "./matrix/cells.mjs";
import { packLibrary } from "./matrix/pack.mjs";
import { tested } from "./matrix/tested.mjs";
import { seconds } from "./node-24/run.mjs";
import { installedNode, nodePackage } from "./node-24/runtime.mjs";

const root = join(import.meta.dirname, "..");
const wanted = process.argv.slice(2);
const names = cells.map(nameOf);
const unknown = wanted.find((name) => !names.includes(name));
if (unknown !== undefined) {
  console.error(`There is no cell ${unknown}. Cells: ${names.join(", ")}`);
  process.exit(2);
}
const platform = nodePackage();
if (!platform) {
  console.error("The matrix needs npm packages with Node for this platform; there are none.");
  process.exit(1);
}

const home = realpathSync(mkdtempSync(join(tmpdir(), "throughline-matrix-")));
process.on("exit", () => rmSync(home, { recursive: true, force: true }));
const env = { ...process.env };
for (const name of ["NODE_OPTIONS", "NODE_TEST_CONTEXT"]) delete env[name];

const tarball = await packLibrary({ root, home, env });
const services = await startAll({ only: ["kafka", "rabbitmq", "fauxqs", "elasticmq"] });
Object.assign(env, services.env);
const results = [];
try {
  for (const cell of cells.filter((each) => wanted.length === 0 || wanted.includes(nameOf(each)))) {
    results.push(await runCell(cell));
    if (results.at(-1).stopped) break;
  }
} finally {
  await services.stop();
}
conclude();

async function runCell(cell) {
  const name = nameOf(cell);
  const began = Date.now();
  console.log(`\n${name}: Node ${cell.node}, OpenTelemetry SDK ${cell.sdk.line}`);
  const node =
    cell.node === process.versions.node
      ? process.execPath
      : await installedNode(join(root, ".cache/node"), { ...platform, version: cell.node });
  const { folder, files } = await prepareCell(cell, { root, home, tarball, env });
  const { signal, ...result } = await tested(node, {
    folder,
    files,
    env: {
      ...env,
      PATH: [dirname(node), env.PATH].join(delimiter),
      THROUGHLINE_CELL: JSON.stringify({ node: cell.node, packages: cell.sdk.packages }),
    },
  });
  return { name, cell, stopped: Boolean(signal), took: seconds(began), ...result };
}

function conclude() {
  const rows = results.map(({ name, cell, passed, failed, skipped, took }) => ({
    cell: name,
    node: cell.node,
    sdk: cell.sdk.packages["@opentelemetry/sdk-metrics"],
    api: cell.sdk.packages["@opentelemetry/api"],
    passed,
    failed,
    skipped,
    seconds: Number(took),
  }));
  console.log();
  console.table(rows);
  for (const { name, why, wayOut } of services.absent) {
    console.log(`absent: ${name}: ${why}\n  ${wayOut}`);
  }
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  const failed = sum("failed") + (process.env.CI ? services.absent.length : 0);
  const untested = rows.some((row) => row.passed === 0);
  console.log(
    `${rows.length} cells: ${sum("passed")} passed, ${failed} failed, ${sum("skipped")} skipped`,
  );
  if (results.some(({ stopped }) => stopped)) console.log("stopped before all cells had run");
  process.exitCode = failed > 0 || untested || results.some(({ stopped }) => stopped) ? 1 : 0;
}
