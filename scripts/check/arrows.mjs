// Checks who may import whom: the rules of arrows-rules.mjs over every source file.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cruise } from "dependency-cruiser";
import { rules } from "./arrows-rules.mjs";

/**
 * The modules that were looked at and the imports that break a rule: { rule, from, to }.
 * Throws where no module was looked at: a cruise without its TypeScript compiler sees none and
 * calls that all right.
 */
export async function cruiseArrows(root, folders = ["packages", "examples"]) {
  const { output } = await cruise(
    folders.filter((folder) => existsSync(join(root, folder))),
    {
      baseDir: root,
      ruleSet: { forbidden: rules },
      validate: true,
      tsPreCompilationDeps: true,
      doNotFollow: { path: "node_modules" },
      exclude: { path: "^(packages|examples)/[^/]+/(dist/|tsdown\\.config\\.ts$)" },
    },
    {
      conditionNames: ["source", "import", "node", "default"],
      exportsFields: ["exports"],
      mainFields: ["module", "main", "types"],
    },
  );
  const modules = output.modules.filter(({ source }) => /^(packages|examples)\//.test(source));
  if (modules.length === 0) throw new Error(`no module was looked at below ${root}`);
  const broken = output.summary.violations.map(({ rule, from, to, cycle }) => ({
    rule: rule.name,
    from,
    to: cycle ? cycle.map(({ name }) => name).join(" → ") : to,
  }));
  return { modules: modules.map(({ source }) => source), broken };
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) {
  const { modules, broken } = await cruiseArrows(join(import.meta.dirname, "../.."));
  for (const { rule, from, to } of broken) console.error(`${rule}: ${from} → ${to}`);
  console.log(`${modules.length} modules, ${broken.length} forbidden imports`);
  process.exitCode = broken.length > 0 ? 1 : 0;
}
