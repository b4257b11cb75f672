/** The oldest version that a range admits, of the forms that the library's peers have. */
export function oldestOf(range) {
  const [, version] = /^(?:\^|>=)(\d+\.\d+\.\d+)(?: <\d+)?$/.exec(range) ?? [];
  if (version === undefined) throw new Error(`no oldest version is known of the range ${range}`);
  return version;
}

/** Clients that npm run native builds: the version that it builds is the only one that is tried. */
const COMPILED = ["@confluentinc/kafka-javascript", "node-rdkafka"];
/** The oldest client of SQS that sqs-consumer 15.0.1 takes. */
const SQS_UNDER_CONSUMER = "3.1034.0";

/** What is installed together, which of the tests then run, and on which servers. */
const SETS = [
  { name: "kafkajs", clients: ["kafkajs"], contracts: ["contract-kafkajs"], servers: ["kafka"] },
  {
    name: "platformatic",
    clients: ["@platformatic/kafka"],
    contracts: ["contract-platformatic"],
    servers: ["kafka"],
  },
  {
    name: "rabbitmq",
    clients: ["amqplib", "rabbitmq-client"],
    contracts: ["contract-amqplib", "contract-rabbitmq-client"],
    servers: ["rabbitmq"],
    // 0.10 has no `exports`: an ES module finds its callbacks by their file's name.
    rewrite: {
      "amqplib-callbacks.js": (text) =>
        text.replace('"amqplib/callback_api"', '"amqplib/callback_api.js"'),
    },
  },
  {
    name: "aws",
    clients: ["@aws-sdk/client-sqs", "@aws-sdk/client-sns"],
    contracts: ["contract-sqs", "sns"],
    servers: ["fauxqs", "elasticmq"],
  },
  {
    name: "sqs-consumer",
    clients: ["sqs-consumer"],
    contracts: ["contract-sqs-consumer"],
    servers: ["fauxqs", "elasticmq"],
    beside: { "@aws-sdk/client-sqs": SQS_UNDER_CONSUMER },
  },
];

/**
 * What there is to try, of the library's peers: the sets, each client in its oldest version. A set
 * whose oldest versions are those of the workspace is run by npm test already: `asTested`.
 */
export function setsOf(peers, workspace) {
  const known = new Set([...SETS.flatMap(({ clients }) => clients), ...COMPILED]);
  const forgotten = Object.keys(peers).filter(
    (name) => !known.has(name) && name !== "@opentelemetry/api",
  );
  if (forgotten.length > 0) throw new Error(`no set tries ${forgotten.join(", ")}`);
  const newer = COMPILED.filter((name) => oldestOf(peers[name]) !== workspace[name]);
  if (newer.length > 0) throw new Error(`nothing builds the oldest ${newer.join(", ")}`);
  const all = SETS.map(({ beside, ...set }) => ({
    ...set,
    same: set.clients.every((name) => oldestOf(peers[name]) === workspace[name]),
    clients: {
      ...beside,
      ...Object.fromEntries(set.clients.map((name) => [name, oldestOf(peers[name])])),
    },
  }));
  return {
    sets: all.filter(({ same }) => !same),
    asTested: all.filter(({ same }) => same).flatMap(({ clients }) => Object.keys(clients)),
    compiled: COMPILED,
  };
}
