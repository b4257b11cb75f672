// What holds in a cell beside the library's own tests.
const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { test } = require("node:test");

const installed = join(__dirname, "../node_modules");
const lock = JSON.parse(readFileSync(join(installed, ".package-lock.json"), "utf8"));

test("the cell runs the versions that it is named for", () => {
  const cell = JSON.parse(process.env.THROUGHLINE_CELL);
  assert.equal(process.versions.node, cell.node);
  for (const [name, version] of Object.entries(cell.packages)) {
    assert.equal(lock.packages[`node_modules/${name}`]?.version, version, name);
  }
});

// With two, the one that the library finds may not be the one that the SDK registers itself with:
// then spans silently do not record.
test("there is one copy of the api", () => {
  const copies = Object.keys(lock.packages).filter((path) => path.endsWith("@opentelemetry/api"));
  assert.deepEqual(copies, ["node_modules/@opentelemetry/api"]);
});

// A CommonJS application gets the same library by require().
for (const [subpath, name] of [
  ["throughline", "processMessage"],
  ["throughline/kafkajs", "traced"],
  ["throughline/testing", undefined],
]) {
  test(`require("${subpath}") gives what import gives`, async () => {
    const required = require(subpath);
    const imported = await import(subpath);
    assert.deepEqual(Object.keys(required), Object.keys(imported));
    assert.ok(Object.keys(imported).length > 0);
    if (name) assert.equal(required[name], imported[name]);
  });
}
