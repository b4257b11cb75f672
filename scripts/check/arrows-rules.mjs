// Which imports may not be. Imports go one way: a client adapter knows the core, the doctor's
// shells know its engine, and neither core nor engine knows what stands around it or does I/O.
// scripts/test/arrows.test.mjs breaks each rule on purpose.

const core = "^packages/throughline/src/(?!clients/|testing/)";
const clients = "^packages/throughline/src/clients/";
const kit = "^packages/throughline/src/testing/";
const runtime = "^packages/throughline/src/";
const engine = "^packages/doctor/src/(engine|rules)/";

/** An installed package; the workspace's own are links and resolve outside of node_modules. */
const installed = "(^|/)node_modules/";
const api = `${installed}@opentelemetry/api/`;
const runners = "^node:test|^test$|node_modules/(vitest|jest|mocha|@jest|tap|ava)/";

export const rules = [
  {
    name: "no-cycle",
    comment: "Two files may know each other's types: nothing is loaded in a circle by that.",
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
  },
  { name: "core-knows-no-client", from: { path: core }, to: { path: [clients, kit] } },
  { name: "core-does-no-io", from: { path: core }, to: { dependencyTypes: ["core"] } },
  {
    name: "runtime-depends-on-the-api-alone",
    comment: "A client's own package may be named for its types, never loaded.",
    from: { path: runtime },
    to: { path: installed, pathNot: api, dependencyTypesNot: ["type-only"] },
  },
  {
    name: "core-names-no-client-package",
    from: { path: core },
    to: { path: installed, pathNot: api },
  },
  {
    name: "a-client-knows-no-other-client",
    comment:
      "Clients over librdkafka share its classic interface, those with the interface of kafkajs its sends, those of AWS its messages.",
    from: { path: `${clients}([^/.]+)` },
    to: { path: clients, pathNot: [`${clients}$1[/.]`, `${clients}(librdkafka|kafkajs-api|aws)/`] },
  },
  { name: "a-client-knows-no-test-kit", from: { path: clients }, to: { path: kit } },
  { name: "test-kit-knows-no-runner", from: { path: kit }, to: { path: runners } },
  {
    name: "engine-knows-no-shell",
    from: { path: engine },
    to: { path: "^packages/doctor/src/", pathNot: engine },
  },
  { name: "engine-does-no-io", from: { path: engine }, to: { dependencyTypes: ["core"] } },
  { name: "engine-depends-on-no-package", from: { path: engine }, to: { path: installed } },
  {
    name: "a-source-knows-the-engine-alone",
    from: { path: "^packages/doctor/src/sources/" },
    to: { path: "^packages/doctor/src/", pathNot: `${engine}|^packages/doctor/src/sources/` },
  },
  {
    name: "a-report-knows-the-engine-alone",
    from: { path: "^packages/doctor/src/report/" },
    to: { path: "^packages/doctor/src/", pathNot: `${engine}|^packages/doctor/src/report/` },
  },
  {
    name: "packages-know-no-workspace-tool",
    from: { path: "^packages/[^/]+/src/" },
    to: { path: "^(services|scripts|bench|examples|conformance)/" },
  },
  { name: "every-import-resolves", from: {}, to: { couldNotResolve: true } },
].map((rule) => ({ severity: "error", ...rule }));
