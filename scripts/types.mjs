// Type-checks everything once, then each published package again under isolatedDeclarations,
// which tests and examples need not satisfy.
import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const native = dirname(createRequire(import.meta.url).resolve("@typescript/native/package.json"));

const projects = ["tsconfig.json", ...globSync("packages/*/tsconfig.json", { cwd: root })].filter(
  (project) => project === "tsconfig.json" || existsSync(join(root, dirname(project), "src")),
);

let failed = 0;
for (const project of projects) {
  const { status } = spawnSync(process.execPath, [join(native, "bin/tsc"), "-p", project], {
    cwd: root,
    stdio: "inherit",
  });
  console.log(`types ${status === 0 ? "ok    " : "FAILED"} ${project}`);
  if (status !== 0) failed++;
}
process.exitCode = failed > 0 ? 1 : 0;
