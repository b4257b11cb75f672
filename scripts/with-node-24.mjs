// Runs a command on Node 24 with this repository's dependencies in place, whatever Node called it:
//   node scripts/with-node-24.mjs node scripts/test.mjs
// This file and scripts/node-24/ run on Node 18 and newer, before anything is installed, so they
// use nothing newer and no dependency.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureDependencies } from "./node-24/dependencies.mjs";
import { childEnvironment } from "./node-24/environment.mjs";
import { ensureNode24 } from "./node-24/runtime.mjs";
import { endLike, run } from "./node-24/run.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [command, ...args] = process.argv.slice(2);

if (command === undefined) {
  console.error("usage: node scripts/with-node-24.mjs <command> [argument ...]");
  process.exit(2);
}

try {
  const node = await ensureNode24(root);
  const env = childEnvironment(root, node);
  await ensureDependencies(root, node, env);
  endLike(await run(command === "node" ? node : command, args, { env }));
} catch (error) {
  if (error.ended) endLike(error.ended);
  else {
    console.error(`\nthroughline: ${error.wayOut ? error.message : error.stack}`);
    if (error.wayOut) console.error(error.wayOut);
    process.exitCode = 1;
  }
}
