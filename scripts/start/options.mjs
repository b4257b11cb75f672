import { parseArgs } from "node:util";

export const help = `npm start                          the order pipeline on an embedded Kafka, with a live view
npm start -- --without             the same services, with context not extracted: what orphans look like
KAFKA_BROKERS=host:port npm start  on a Kafka of your own (topics and groups are prefixed there, and stay)

  --orders-per-second <number>  how many orders are placed (default 2)
  --for <seconds>               end after so long (default: at Ctrl-C)
  --port <number>               where spans are received (default: a free port)
  --prefix <text>               of topics and groups (default: none on the embedded Kafka,
                                throughline-demo. on one of your own)
  --help                        this text

Where the output is no terminal, a line is printed for each complete trace, and the share of whole
messages. Set NO_COLOR for a view without colours.
`;

/**
 * What was asked for: { without, perSecond, forMs, port, prefix, help }.
 * Throws a RangeError that says what is wrong with an option.
 */
export function readOptions(args) {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        without: { type: "boolean", default: false },
        "orders-per-second": { type: "string", default: "2" },
        for: { type: "string" },
        port: { type: "string", default: "0" },
        prefix: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    }));
  } catch (error) {
    throw new RangeError(error.message);
  }
  const { prefix } = values;
  if (prefix !== undefined && !/^[a-zA-Z0-9._-]{0,100}$/.test(prefix)) {
    throw new RangeError(`--prefix takes letters, digits, dots, - and _, not ${prefix}`);
  }
  return {
    without: values.without,
    help: values.help,
    prefix,
    perSecond: numberIn(values, "orders-per-second", 0.01, 1000),
    forMs: values.for === undefined ? undefined : numberIn(values, "for", 0.1, 86_400) * 1000,
    port: numberIn(values, "port", 0, 65_535),
  };
}

function numberIn(values, name, least, most) {
  const number = Number(values[name]);
  if (values[name] !== "" && number >= least && number <= most) return number;
  throw new RangeError(`--${name} takes a number from ${least} to ${most}, not ${values[name]}`);
}
