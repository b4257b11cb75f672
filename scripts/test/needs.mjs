import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** A relative path in quotes: an import's, a URL's, or a program's to run. */
const RELATIVE = /["'`](\.{1,2}\/[\w./-]+\.(?:ts|mjs))["'`]/g;

/**
 * Names of the servers that some test files use: those one of whose variables stands in a file, or
 * in one that it names, and so on. Files outside of packages/ start whole programs, whose needs are
 * not seen from there: undefined, for all of them.
 */
export function serversFor(root, files, drivers) {
  if (files.some((file) => !file.startsWith("packages/"))) return undefined;
  const text = allText(root, files);
  const wanted = drivers.filter(
    ({ sets, unasked }) => unasked && sets.some((name) => text.includes(name)),
  );
  return wanted.map(({ name }) => name);
}

/** The text of these files and of all that they name. */
function allText(root, files) {
  const texts = new Map();
  const waiting = files.map((file) => join(root, file));
  for (const path of waiting) {
    if (texts.has(path) || !statSync(path, { throwIfNoEntry: false })?.isFile()) continue;
    const text = readFileSync(path, "utf8");
    texts.set(path, text);
    for (const [, named] of text.matchAll(RELATIVE)) waiting.push(join(dirname(path), named));
  }
  return [...texts.values()].join("\n");
}
