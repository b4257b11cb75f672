// Starts the server named by its argument, tells its address and process ids as one line of JSON,
// and stays, for the tests that kill it.

import { startEmbeddedKafka } from "../embedded-kafka/start.ts";
import { startKafka } from "../kafka/start.ts";

const server =
  process.argv[2] === "kafka"
    ? await startKafka({ progress: () => {} })
    : await startEmbeddedKafka();
process.stdout.write(
  `${JSON.stringify({ brokers: server.brokers, childPid: server.process.pid })}\n`,
);
