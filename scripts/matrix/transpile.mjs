import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";

/**
 * Writes the tests as JavaScript, for a Node that does not strip types, and copies what else lies
 * beside them. Types become blanks, so that lines and columns stay as they are. Returns the test
 * files, relative to the folder that holds `to`.
 */
export function transpileTests(from, to) {
  const tests = [];
  for (const entry of globSync("**/*", { cwd: from, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const target = join(to, source.slice(from.length));
    mkdirSync(dirname(target), { recursive: true });
    if (!source.endsWith(".ts")) {
      cpSync(source, target);
      continue;
    }
    const script = target.replace(/\.ts$/, ".js");
    writeFileSync(script, scriptOf(readFileSync(source, "utf8"), source));
    if (script.endsWith(".test.js")) tests.push(join("test", script.slice(to.length + 1)));
  }
  return tests.toSorted();
}

/** The JavaScript of one file; what it names as "./x.ts" is "./x.js" there. */
export function scriptOf(text, source = "the file") {
  if (/["']\.\.?\/[^"'\n]*\bsrc\//.test(text)) {
    throw new Error(`${source} reaches into src/: the packed library has none of it that runs.`);
  }
  return stripTypeScriptTypes(text).replaceAll(/(["'])(\.\.?\/[^"'\n]*)\.ts\1/g, "$1$2.js$1");
}
