// The broker's own process. It holds librdkafka's mock cluster, which lives inside a producer, and
// ends with whoever holds the other end of its stdin: a killed parent leaves nothing behind.
//
// stdout carries librdkafka's log, which names the port. Without `debug: "mock"` that is a few lines
// in all; a full pipe would stop the broker, so the parent still reads to the end.

// Ctrl-C in a terminal reaches the whole process group; the parent decides when the broker ends.
process.on("SIGINT", () => {});

const brokerCount = process.argv[2] ?? "1";

const { KafkaClient } = await import("kafka-crab-js").catch((error: Error) => {
  // The binding's own error hides the reason in a chain of causes: the last one is the cause.
  let reason = error;
  while (reason.cause instanceof Error) reason = reason.cause;
  process.stderr.write(`${reason.message.split("\n", 1)[0]}\n`);
  process.exit(69); // EX_UNAVAILABLE, which start.ts explains
});

const client = new KafkaClient({
  brokers: "127.0.0.1:1", // replaced by the mock cluster's own
  clientId: "embedded-kafka",
  logLevel: "info",
  configuration: { "test.mock.num.brokers": brokerCount },
});
const cluster = client.createProducer({});

process.stdin.resume();
process.stdin.once("close", () => {
  // Names the cluster, so that it is not collected while the process waits here.
  process.exit(cluster === undefined ? 1 : 0);
});
