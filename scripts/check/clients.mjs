// npm run check -- clients: the table of clients in README.md and the page docs/clients.md are what
// the contract tests declare and the bench measured. `node scripts/check/clients.mjs --write`
// writes them anew.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { clients } from "./clients/list.mjs";
import { clientsPage } from "./clients/page.mjs";
import { clientsTable, withTable } from "./clients/table.mjs";

const root = join(import.meta.dirname, "../..");
const read = (path) => readFileSync(join(root, path), "utf8");

const { devDependencies } = JSON.parse(read("package.json"));
const { peerDependencies } = JSON.parse(read("packages/throughline/package.json"));
const costs = JSON.parse(read("bench/clients/results.json"));
const described = await Promise.all(
  clients.map(async (client) => {
    const { features } = client;
    const tried = client.tried ?? devDependencies[client.package];
    if (tried === undefined) throw new Error(`${client.package} is not in the root's package.json`);
    const declared = features === undefined ? undefined : await featuresOf(features);
    const accepted = peerDependencies[client.package];
    return { ...client, tried, accepted, declared, cost: costOf(client) };
  }),
);

/** What the bench measured of a client, by what it does: `process`, `send`. */
function costOf({ measured }) {
  const sections = costs.results.clients.filter(({ name }) => name.startsWith(`${measured} `));
  return Object.fromEntries(sections.map((section) => [section.name.split(" ")[1], section]));
}

async function featuresOf(name) {
  const module = join(root, `packages/throughline/test/features-${name}.ts`);
  return (await import(pathToFileURL(module).href)).features;
}

const contents = {
  "README.md": withTable(read("README.md"), clientsTable(described, costs)),
  "docs/clients.md": clientsPage(
    described,
    costs,
    read("packages/throughline/src/testing/contract/features.ts"),
  ),
};
const write = process.argv.includes("--write");
for (const [path, text] of Object.entries(contents)) {
  const stale = !existsSync(join(root, path)) || read(path) !== text;
  if (stale && write) writeFileSync(join(root, path), text);
  if (stale && !write) {
    console.error(
      `${path} is not what the clients' features and costs say. Run: node scripts/check/clients.mjs --write`,
    );
    process.exitCode = 1;
  } else console.log(`${stale ? "written" : "ok     "} ${path}`);
}
