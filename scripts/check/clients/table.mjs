const BEGIN =
  "<!-- clients: written by scripts/check/clients.mjs from what the tests declare and the bench measured -->";
const END = "<!-- /clients -->";

/** A text with the table in place of what stands between the markers. */
export function withTable(text, table) {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`README.md lacks the markers:\n${BEGIN}\n${END}`);
  return `${text.slice(0, from)}${BEGIN}\n\n${table}\n\n${text.slice(to)}`;
}

/** The README's table: a line for each client. */
export function clientsTable(clients) {
  const rows = clients.map(({ package: name, page, subpath, does, tried, declared, cost }) => {
    return row([
      page === undefined ? name : `[${name}](${page})`,
      tried,
      `\`throughline/${subpath}\``,
      does,
      declared === undefined ? "" : `[one by one](docs/clients.md#${anchorOf(name)})`,
      added(cost.process),
      added(cost.send),
    ]);
  });
  const head = [
    "client",
    "tried",
    "import",
    "what is traced",
    "features",
    "handling adds",
    "sending adds",
  ];
  return [row(head), row(head.map(() => "---")), ...rows, "", LEGEND].join("\n");
}

const LEGEND =
  "Added is CPU a message, sampled, above the bare client; in brackets as a share of what the client's own OpenTelemetry instrumentation adds, where it has one ([the figures](docs/clients.md#added-cost)).";

/** What our adapter adds, sampled, to a message of the bare client, and as a share of its peer. */
function added(section) {
  const own = section?.costs.find(({ id }) => id === "ours");
  if (own === undefined) return "";
  const share = section.ratios.find(({ path }) => path === "ours");
  const us = microseconds(own.us);
  return share === undefined ? us : `${us} (${share.value.toFixed(2)})`;
}

/** A figure of the bench. */
export function microseconds({ value }) {
  return `${value.toFixed(1)} us`;
}

export function row(cells) {
  return `| ${cells.join(" | ")} |`;
}

/** As the page's headings are linked to. */
export function anchorOf(name) {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, "")
    .replaceAll(" ", "-");
}
