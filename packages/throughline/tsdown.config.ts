import { defineConfig } from "tsdown";

export default defineConfig({
  entry: ["src/index.ts", "src/clients/*.ts", "src/testing/index.ts"],
  root: "src",
  format: "esm",
  platform: "node",
  target: "node20",
  // One output file a source file: a stack trace names the step of the flow it is in.
  unbundle: true,
  // Without it tsdown writes .mjs and .d.mts, which the exports do not name.
  fixedExtension: false,
  dts: true,
  sourcemap: true,
  clean: true,
});
