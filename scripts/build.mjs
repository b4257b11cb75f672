// npm run build [-- <folder> ...]: builds the published packages into their dist/.
import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const tsdown = join(root, "node_modules/tsdown/dist/run.mjs");

const wanted = process.argv.slice(2);

for (const config of globSync("packages/*/tsdown.config.ts", { cwd: root }).toSorted()) {
  const folder = dirname(config);
  if (wanted.length > 0 && !wanted.includes(folder)) continue;
  const { status } = spawnSync(process.execPath, [tsdown, "--log-level", "warn"], {
    cwd: join(root, folder),
    stdio: "inherit",
  });
  if (status !== 0 || !existsSync(join(root, folder, "dist"))) {
    console.error(`build FAILED ${folder}`);
    process.exit(1);
  }
  console.log(`built ${folder}`);
}
