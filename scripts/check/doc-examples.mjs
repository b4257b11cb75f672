import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The examples that readers see: { file, line, code, runs }. Those of doc comments in the packages'
 * sources (the ```ts block under `@example`) stand alone and run; those of the READMEs and of
 * docs/ are type-checked, and run by a test of their page. What such a block takes for granted is
 * declared in a comment right above it, which no reader sees:
 * `<!-- given: declare const brokers: string[] -->`.
 */
export function docExamples(root) {
  const examples = [];
  for (const file of globSync("packages/*/src/**/*.ts", { cwd: root }).toSorted()) {
    examples.push(...fromComments(file, readFileSync(join(root, file), "utf8")));
  }
  for (const file of globSync(["*.md", "docs/*.md", "packages/*/*.md", "examples/*/*.md"], {
    cwd: root,
  }).toSorted()) {
    examples.push(...fromMarkdown(file, readFileSync(join(root, file), "utf8")));
  }
  return examples;
}

/** A file name for an example, from where it stands. */
export function fileNameOf({ file, line }) {
  return `${file.replaceAll("/", "-").replace(/\.(ts|md)$/, "")}-${line}.ts`;
}

export function fromComments(file, text) {
  const block = /^ *\* @example\s*\n *\* ```ts\n((?: *\*.*\n)*?) *\* ```/gm;
  return [...text.matchAll(block)].map((match) => {
    const code = match[1].replace(/^ *\* ?/gm, "").replaceAll("*\\/", "*/");
    return { file, line: lineOf(text, match.index), code, runs: true };
  });
}

export function fromMarkdown(file, text) {
  const block = /(?:<!-- given: ((?:(?!-->)[^])*)-->\s*)?^```ts\n([^]*?)^```/gm;
  return [...text.matchAll(block)].map((match) => {
    const line = lineOf(text, match.index);
    return { file, line, code: `${match[1] ?? ""}\n${match[2]}\nexport {};\n`, runs: false };
  });
}

function lineOf(text, index) {
  return text.slice(0, index).split("\n").length;
}
