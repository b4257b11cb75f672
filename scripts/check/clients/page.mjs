import { microseconds, row } from "./table.mjs";

/**
 * docs/clients.md: what each client can, why not where it can't, and what it costs. `source` is the
 * file that says what each feature means.
 */
export function clientsPage(all, costs, source) {
  const clients = all.filter(({ declared }) => declared !== undefined);
  const meanings = meaningsIn(source);
  return [
    "# Clients",
    "",
    "Written by `node scripts/check/clients.mjs --write` from what each contract test declares; `npm run check` fails where it is stale. Every claim of the contract that a client's features allow passes on the broker named.",
    "",
    ...capabilities(clients, meanings),
    "",
    ...clients.flatMap((client) => gapsOf(client, meanings)),
    ...(costs === undefined ? [] : added(clients, costs)),
  ].join("\n");
}

function capabilities(clients, meanings) {
  const head = ["", ...clients.map(({ package: name }) => name)];
  return [
    row(head),
    row(["---", ...clients.map(() => ":-:")]),
    row(["version tried", ...clients.map(({ tried }) => tried)]),
    ...[...meanings].map(([feature, meaning]) =>
      row([meaning, ...clients.map(({ declared }) => (declared[feature] === true ? "yes" : "-"))]),
    ),
  ];
}

function gapsOf({ package: name, subpath, broker, declared }, meanings) {
  const gaps = [...meanings].filter(([feature]) => declared[feature] !== true);
  return [
    `## ${name}`,
    "",
    `\`throughline/${subpath}\`, on ${broker}. What it lacks, and why:`,
    "",
    ...gaps.map(([feature, meaning]) => `- *${meaning.slice(0, -1)}*: ${declared[feature]}.`),
    "",
  ];
}

function added(clients, { at, node, cpu }) {
  const figures = clients.flatMap(({ package: name, cost }) =>
    Object.entries(cost ?? {}).flatMap(([what, of]) =>
      Object.entries(of.variants).map(([variant, us]) =>
        row([
          name,
          what,
          variant,
          microseconds(us),
          `${us.low.toFixed(1)} to ${us.high.toFixed(1)}`,
        ]),
      ),
    ),
  );
  return [
    "## Added cost",
    "",
    `CPU a message above the bare client, with 95 % intervals: \`npm run bench -- clients\`, ${at.slice(0, 10)}, Node ${node}, ${cpu}. Variants were interleaved; compare figures of one client with each other, not across machines.`,
    "",
    row(["client", "", "", "added", "95 %"]),
    row(["---", "---", "---", "---", "---"]),
    ...figures,
    "",
  ];
}

/** What each feature means, by the doc comments of the interface Features, in its order. */
function meaningsIn(source) {
  const body = source.slice(source.indexOf("export interface Features"));
  const meanings = new Map();
  const field = /(?:\/\*\* (?<comment>[^]*?) \*\/\s*)?^ {2}(?<name>\w+): Feature;$/gm;
  for (const { groups } of body.slice(0, body.indexOf("\n}")).matchAll(field)) {
    const own = `${groups.name.slice(0, 1).toUpperCase()}${groups.name.slice(1)}.`;
    meanings.set(groups.name, groups.comment ?? own);
  }
  return meanings;
}
