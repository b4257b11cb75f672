// npm run check [-- <step> ...]: every gate that is not a test. All steps run, then the exit code
// tells whether one failed.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { styleText } from "node:util";

const root = join(import.meta.dirname, "..");
const bin = (path) => join(root, "node_modules", path);

/** In this order: what stands below `build` reads the built packages. */
const steps = {
  lint: [[bin("oxlint/bin/oxlint"), "--type-aware"]],
  format: [[bin("oxfmt/bin/oxfmt"), "--check"]],
  types: [["scripts/types.mjs"]],
  arrows: [["scripts/check/arrows.mjs"]],
  clients: [["scripts/check/clients.mjs"]],
  unused: [[bin("knip/bin/knip.js")]],
  build: [["scripts/build.mjs"]],
  publint: [
    [bin("publint/src/cli.js"), "packages/throughline", "--strict"],
    [bin("publint/src/cli.js"), "packages/doctor", "--strict"],
  ],
  attw: [
    [
      bin("@arethetypeswrong/cli/dist/index.js"),
      "--pack",
      "packages/throughline",
      "--profile",
      "esm-only",
    ],
  ],
  size: [[bin("size-limit/bin.js")]],
  "type-tests": [["scripts/check/type-tests.mjs"]],
};

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in steps));
if (unknown !== undefined) {
  console.error(`There is no step ${unknown}. Steps: ${Object.keys(steps).join(", ")}`);
  process.exit(2);
}

const failed = [];
for (const name of wanted.length > 0 ? wanted : Object.keys(steps)) {
  const began = Date.now();
  console.log(styleText("bold", `\n${name}`));
  const passed = steps[name].every(
    (args) => spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status === 0,
  );
  if (!passed) failed.push(name);
  const took = ((Date.now() - began) / 1000).toFixed(1);
  console.log(
    passed
      ? styleText("green", `${name} ok, ${took} s`)
      : styleText("red", `${name} FAILED, ${took} s`),
  );
}
if (failed.length > 0) {
  console.error(`\nfailed: ${failed.join(", ")}`);
  process.exitCode = 1;
}
