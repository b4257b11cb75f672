import { globSync, statSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";

const everywhere = [
  "packages/*/test/**/*.test.ts",
  "examples/*/test/**/*.test.ts",
  "services/test/**/*.test.{ts,mjs}",
  "conformance/**/*.test.{ts,mjs}",
  "faults/node/*.test.ts",
  "bench/test/**/*.test.{ts,mjs}",
  "scripts/test/**/*.test.mjs",
];

/** Folders whose tests start servers and processes: begun first, they don't end by themselves. */
const longest = ["services/", "faults/", "scripts/", "examples/"];

/**
 * The test files below root that the arguments choose, as relative paths, those that may take long
 * first and else in the order of their names. An argument is a
 * file, a folder or a glob; without any, all files are chosen.
 */
export function selectFiles(root, wanted) {
  const all = files(root, everywhere);
  if (wanted.length === 0) return all;
  const chosen = new Set();
  for (const argument of wanted) {
    const path = isAbsolute(argument) ? relative(root, argument) : argument.replace(/^\.\//, "");
    if (statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory()) {
      const folder = path === "" || path === "." ? "" : path.replace(/\/?$/, "/");
      for (const file of all) if (file.startsWith(folder)) chosen.add(file);
    } else {
      for (const file of files(root, [path])) chosen.add(file);
    }
  }
  return inOrder([...chosen]);
}

function files(root, patterns) {
  const found = globSync(patterns, { cwd: root, exclude: (path) => path.endsWith("node_modules") });
  return inOrder(found.map((path) => path.split(sep).join("/")));
}

function inOrder(paths) {
  const place = (path) => {
    const at = longest.findIndex((folder) => path.startsWith(folder));
    return at < 0 ? longest.length : at;
  };
  return paths.toSorted((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}
