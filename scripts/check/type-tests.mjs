// Compiles packages/throughline/test-types against the built declarations, with the oldest
// TypeScript that is supported and with the newest. A client whose own declarations need
// skipLibCheck has a folder and a tsconfig.json of its own there.
import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "../..");
const projects = globSync("packages/throughline/test-types/**/tsconfig.json", { cwd: root })
  .map((path) => dirname(path))
  .toSorted();
const compilers = [
  "node_modules/typescript-5.6/bin/tsc",
  "node_modules/@typescript/native/bin/tsc",
];

if (!existsSync(join(root, "packages/throughline/dist/index.d.ts"))) {
  console.error("packages/throughline/dist has no declarations: run npm run build first.");
  process.exit(1);
}
for (const compiler of compilers) {
  const tsc = (args, stdio) =>
    spawnSync(process.execPath, [join(root, compiler), ...args], {
      cwd: root,
      stdio,
      encoding: "utf8",
    });
  const version = tsc(["--version"], "pipe").stdout.trim();
  for (const project of projects) {
    const { status } = tsc(["-p", project], "inherit");
    console.log(`${status === 0 ? "ok    " : "FAILED"} ${project} with TypeScript ${version}`);
    if (status !== 0) process.exitCode = 1;
  }
}
