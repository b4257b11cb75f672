import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";
import { fromMarkdown } from "../check/doc-examples.mjs";

const root = join(import.meta.dirname, "../..");

/**
 * The examples of a page, to be run as they stand there: their imports, and what they take for
 * granted as arguments. Names of topics, queues and groups are replaced (`names`), for the server
 * may be somebody's own. `built` says where a compiled client's package stands.
 */
export function openPage(page, { names = {}, built = {} } = {}) {
  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cache/page-"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  for (const [name, loaded] of Object.entries(built)) {
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(loaded, link);
  }
  const blocks = fromMarkdown(page, readFileSync(join(root, page), "utf8"));
  return {
    /** The one example that has this text in it, as a function of what it takes for granted. */
    async example(text) {
      const found = blocks.filter(({ code }) => code.includes(text));
      if (found.length !== 1) {
        throw new Error(`${found.length} examples of ${page} have ${text} in them`);
      }
      const [{ code, line }] = found;
      const file = join(folder, `line-${line}.js`);
      writeFileSync(file, moduleOf(code, names));
      const { default: run } = await import(file);
      return run;
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * The module of an example: a function of `given` that runs it, and shows the clients and handlers that
 * it makes in `made` as it makes them, for an example that reads a stream has no end of its own.
 */
export function moduleOf(code, names) {
  const given = [...code.matchAll(/\bdeclare (?:const|function|class) (\w+)/g)].map(
    ([, name]) => name,
  );
  const script = stripTypeScriptTypes(code).replace(
    /^export (\{\};|(?=const|async function))/gm,
    "",
  );
  const imports = script.match(/\bimport\s[^;]*;/g) ?? [];
  const body = imports
    .reduce((rest, each) => rest.replace(each, ""), script)
    .replace(/^const (\w+)\s+=/gm, "const $1 = made.$1 =")
    .replace(/^async function (\w+)/gm, "made.$1 = $1;\n$&")
    .replaceAll(/"([^"\n]*)"/g, (whole, name) =>
      Object.hasOwn(names, name) ? JSON.stringify(names[name]) : whole,
    );
  return `${imports.join("\n")}
export default async function ({ ${given.join(", ")} }, made = {}) {
${body}
}
`;
}
