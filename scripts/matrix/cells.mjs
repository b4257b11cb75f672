// The versions that the runtime library is held to: each Node with each line of OpenTelemetry's
// SDK that supports it. SDK 3 needs Node 22.15, so Node 20 has one cell.

export const sdk2 = {
  line: "2",
  packages: {
    "@opentelemetry/api": "1.9.1",
    "@opentelemetry/sdk-trace-base": "2.12.0",
    "@opentelemetry/sdk-metrics": "2.12.0",
    "@opentelemetry/context-async-hooks": "2.12.0",
    "@opentelemetry/core": "2.12.0",
    "@opentelemetry/propagator-b3": "2.12.0",
    "@opentelemetry/propagator-jaeger": "2.12.0",
  },
};

const sdk3 = {
  line: "3",
  packages: {
    "@opentelemetry/api": "1.10.0",
    "@opentelemetry/sdk-trace": "3.1.1",
    "@opentelemetry/sdk-metrics": "3.1.1",
    "@opentelemetry/context-async-hooks": "3.1.1",
    "@opentelemetry/core": "3.1.1",
    "@opentelemetry/propagator-b3": "3.1.0",
    // The 3.x line has none; the 2.x one works on the api alone.
    "@opentelemetry/propagator-jaeger": "2.12.0",
  },
};

/**
 * The clients that a cell has, as far as their own engines allow: their tests are the files that
 * `files` matches. Versions are those of the workspace.
 */
const clients = [
  { name: "kafkajs", files: /kafkajs/, since: [0, 0] },
  { name: "@platformatic/kafka", files: /platformatic/, since: [22, 22] },
  { name: "@aws-sdk/client-sqs", files: /sqs|sns/, since: [20, 0] },
  { name: "@aws-sdk/client-sns", files: /sns/, since: [20, 0] },
  { name: "sqs-consumer", files: /sqs-consumer/, since: [22, 0] },
  { name: "amqplib", files: /amqplib|held/, since: [18, 0] },
  { name: "rabbitmq-client", files: /rabbitmq/, since: [16, 0] },
  { name: "@aws-lambda-powertools/batch", files: /powertools/, since: [20, 0] },
  { name: "@aws-lambda-powertools/kafka", files: /powertools/, since: [20, 0] },
];

/** Tests of the clients that are compiled: npm run native builds and tests them, on one Node. */
const compiled = /(^|\/)native\//;
/** Tests that stop a server of their own, a minute each: once, from source, is enough. */
const outages = /-faults\.test/;

/** The clients of a cell, and whether a test file is for one that it has not. */
export function clientsOf({ node }) {
  const [major, minor] = node.split(".").map(Number);
  const has = ({ since }) => major > since[0] || (major === since[0] && minor >= since[1]);
  const absent = clients.filter((client) => !has(client));
  return {
    names: clients.filter(has).map(({ name }) => name),
    leavesOut: (file) =>
      compiled.test(file) || outages.test(file) || absent.some(({ files }) => files.test(file)),
  };
}

export const cells = [
  { node: "20.20.2", sdk: sdk2 },
  { node: "22.23.3", sdk: sdk2 },
  { node: "22.23.3", sdk: sdk3 },
  { node: "24.21.0", sdk: sdk2 },
  { node: "24.21.0", sdk: sdk3 },
];

export function nameOf({ node, sdk }) {
  return `node${node.split(".")[0]}-sdk${sdk.line}`;
}
