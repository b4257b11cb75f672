import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { npm } from "../node-24/npm.mjs";
import { clientsOf, nameOf } from "./cells.mjs";
import { transpileTests } from "./transpile.mjs";

/**
 * Makes a cell's folder: the packed library, the cell's SDK and the tests as JavaScript. It stands
 * outside of the repository: inside, a package that the cell lacks would be found in the
 * workspace's node_modules.
 */
export async function prepareCell(cell, { root, home, tarball, env }) {
  const folder = join(home, nameOf(cell));
  mkdirSync(folder, { recursive: true });
  cpSync(tarball, join(folder, basename(tarball)));
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const clients = clientsOf(cell);
  const manifest = {
    private: true,
    type: "module",
    dependencies: {
      throughline: `file:${basename(tarball)}`,
      ...cell.sdk.packages,
      ...Object.fromEntries(clients.names.map((name) => [name, devDependencies[name]])),
      "fast-check": devDependencies["fast-check"],
    },
    // Packages of the 2.x line refuse api 1.10 as a peer.
    overrides: { "@opentelemetry/api": cell.sdk.packages["@opentelemetry/api"] },
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, 2));
  await npm(process.execPath, ["install", "--ignore-scripts", "--no-package-lock"], {
    cwd: folder,
    env: { ...env, INIT_CWD: folder },
    doing: `Installing the cell ${nameOf(cell)}`,
  });
  const files = transpileTests(
    join(root, "packages/throughline/test"),
    join(folder, "test"),
  ).filter((file) => !clients.leavesOut(file));
  cpSync(join(root, "conformance/vectors"), join(folder, "conformance/vectors"), {
    recursive: true,
  });
  const packed = "test/packed.test.cjs";
  cpSync(join(import.meta.dirname, "packed.test.cjs"), join(folder, packed));
  return { folder, files: [...files, packed] };
}
