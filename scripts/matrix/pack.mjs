import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { npm } from "../node-24/npm.mjs";

/** Builds the runtime library and packs it as npm would publish it, into `home`; gives the file. */
export async function packLibrary({ root, home, env }) {
  const built = spawnSync(process.execPath, ["scripts/build.mjs", "packages/throughline"], {
    cwd: root,
    stdio: "inherit",
  });
  if (built.status !== 0) process.exit(1);
  await npm(process.execPath, ["pack", "--pack-destination", home], {
    cwd: join(root, "packages/throughline"),
    env: { ...env, INIT_CWD: join(root, "packages/throughline") },
    doing: "Packing packages/throughline",
  });
  const { name, version } = JSON.parse(
    readFileSync(join(root, "packages/throughline/package.json"), "utf8"),
  );
  return join(home, `${name}-${version}.tgz`);
}
