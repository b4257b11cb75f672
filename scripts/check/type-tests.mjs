// Compiles packages/throughline/test-types against the built declarations, with the oldest
// TypeScript that is supported and with the newest.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const project = "packages/throughline/test-types";
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
  const { status } = tsc(["-p", project], "inherit");
  console.log(`${status === 0 ? "ok    " : "FAILED"} ${project} with TypeScript ${version}`);
  if (status !== 0) process.exitCode = 1;
}
