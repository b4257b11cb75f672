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
    "Written by `node scripts/check/clients.mjs --write` from what each contract test declares; `npm run check` fails where it is stale. Every claim of the contract that a client's features allow passes on the broker named. A `-` is what the client or its broker does not do, with or without Throughline; its reason stands below.",
    "",
    "`throughline/sns` and `throughline/lambda` have no queue to consume from, and so no column: [SQS and SNS](sqs.md), [Lambda](lambda.md). A client that is not here (NATS, Pub/Sub, Service Bus, BullMQ, MQTT) takes two calls: [any broker](any-broker.md).",
    "",
    ...capabilities(clients, meanings),
    "",
    "The versions that are accepted are the package's peer dependencies. Those of Kafka's clients begin with the version that was tried: older ones were not.",
    "",
    ...clients.flatMap((client) => gapsOf(client, meanings)),
    ...added(all, costs),
  ].join("\n");
}

function capabilities(clients, meanings) {
  const head = ["", ...clients.map(({ package: name }) => name)];
  return [
    row(head),
    row(["---", ...clients.map(() => ":-:")]),
    row(["version tried", ...clients.map(({ tried }) => tried)]),
    row(["versions accepted", ...clients.map(({ accepted }) => accepted)]),
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
    `\`throughline/${subpath}\`, on ${broker}. What the client or its broker does not do, and why:`,
    "",
    ...gaps.map(([feature, meaning]) => `- *${meaning.slice(0, -1)}*: ${declared[feature]}.`),
    "",
  ];
}

function added(clients, { at, node, cpu }) {
  const sections = clients.flatMap(({ package: name, cost }) =>
    Object.entries(cost).map(([what, section]) => ({ ...section, name, what })),
  );
  const figures = sections.flatMap(({ name, what, costs }) =>
    costs
      .filter(({ id }) => id !== "empty")
      .map(({ id, us }) => row([name, what, id, microseconds(us), intervalOf(us, 1)])),
  );
  const shares = sections.flatMap(({ name, what, ratios }) =>
    ratios.map((each) =>
      row([name, what, each.path, each.of, `${each.value.toFixed(2)} (${intervalOf(each, 2)})`]),
    ),
  );
  const notes = sections.flatMap(({ name, what, note }) =>
    note === undefined ? [] : [`- ${name}, ${what}: ${note}.`],
  );
  return [
    "## Added cost",
    "",
    `CPU a message above the bare client without a broker, with the interval that holds 95 of 100 runs: \`npm run bench -- clients\`, ${at.slice(0, 10)}, Node ${node}, ${cpu}. Variants were interleaved: ratios are to be trusted, microseconds are this machine's. *peer* is the client's OpenTelemetry instrumentation. A client that is not here has not been measured.`,
    "",
    table(["client", "", "", "of", "ratio"], shares),
    "",
    "Not the same work on both sides:",
    "",
    ...notes,
    "",
    table(["client", "", "", "added", "95 %"], figures),
    "",
  ];
}

function table(head, rows) {
  return [row(head), row(head.map(() => "---")), ...rows].join("\n");
}

function intervalOf({ low, high }, digits) {
  return `${low.toFixed(digits)} to ${high.toFixed(digits)}`;
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
