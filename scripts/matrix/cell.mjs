import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { npm } from "../node-24/npm.mjs";
import { clientsOf, nameOf } from "./cells.mjs";
import { transpileTests } from "./transpile.mjs";

/** A cell's folder: the packed library, the cell's SDK, its clients as the workspace has them, and the tests. */
export async function prepareCell(cell, { root, home, tarball, env }) {
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const clients = clientsOf(cell);
  const packages = {
    ...cell.sdk.packages,
    ...Object.fromEntries(clients.names.map((name) => [name, devDependencies[name]])),
    "fast-check": devDependencies["fast-check"],
  };
  const { folder, tests } = await prepareFolder({
    name: nameOf(cell),
    packages,
    root,
    home,
    tarball,
    env,
  });
  const files = tests.filter((file) => !clients.leavesOut(file));
  cpSync(join(root, "conformance/vectors"), join(folder, "conformance/vectors"), {
    recursive: true,
  });
  const packed = "test/packed.test.cjs";
  cpSync(join(import.meta.dirname, "packed.test.cjs"), join(folder, packed));
  return { folder, files: [...files, packed] };
}

/**
 * Makes a folder with the packed library, these packages and the tests as JavaScript. It stands
 * outside of the repository: inside, a package that it lacks would be found in the workspace's
 * node_modules.
 */
export async function prepareFolder({ name, packages, root, home, tarball, env }) {
  const folder = join(home, name);
  mkdirSync(folder, { recursive: true });
  cpSync(tarball, join(folder, basename(tarball)));
  const manifest = {
    private: true,
    type: "module",
    dependencies: { throughline: `file:${basename(tarball)}`, ...packages },
    // Packages of the 2.x line refuse api 1.10 as a peer.
    overrides: { "@opentelemetry/api": packages["@opentelemetry/api"] },
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, 2));
  await npm(process.execPath, ["install", "--ignore-scripts", "--no-package-lock"], {
    cwd: folder,
    env: { ...env, INIT_CWD: folder },
    doing: `Installing the cell ${name}`,
  });
  const tests = transpileTests(join(root, "packages/throughline/test"), join(folder, "test"));
  return { folder, tests };
}
