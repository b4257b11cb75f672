import { startEmbeddedKafka } from "../../services/embedded-kafka/start.ts";
import { join } from "node:path";
import { startProcess } from "./process.mjs";

const ADDRESS = /^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/;
/** A Kafka that does not answer at once is spoken of so often. */
const PATIENCE_MS = 3000;

/**
 * The Kafka to use: the one that KAFKA_BROKERS names, else an embedded one. Its topics are there
 * when this resolves. Gives { brokers, named, prefix, stop }.
 */
export async function startKafka({ prefix, say, signal }) {
  const given = process.env.KAFKA_BROKERS;
  if (given) {
    const wrong = given.split(",").find((each) => !ADDRESS.test(each.trim()));
    if (wrong !== undefined) {
      throw new RangeError(`KAFKA_BROKERS takes host:port, several by commas, not ${wrong}`);
    }
    say(`using the Kafka at ${given}: its topics are made where they are absent, and stay`);
    const kafka = {
      brokers: given,
      named: `the Kafka at ${given}`,
      // Its own topics and groups may well be called orders and payments.
      prefix: prefix ?? "throughline-demo.",
      stop: async () => {},
    };
    return withTopics(kafka, say, signal);
  }
  say("starting an embedded Kafka");
  const { brokers, stop } = await startEmbeddedKafka();
  const kafka = { brokers, named: "an embedded Kafka", prefix: prefix ?? "", stop };
  return withTopics(kafka, say, signal);
}

async function withTopics(kafka, say, signal) {
  const { brokers, named, prefix, stop } = kafka;
  const waiting = setInterval(() => say(`waiting for ${named} to make the topics`), PATIENCE_MS);
  try {
    // In a process of its own, which can be ended while kafkajs is still trying.
    const topics = startProcess({
      name: "making the topics",
      file: join(import.meta.dirname, "topics.mjs"),
      args: [brokers, JSON.stringify({ [`${prefix}orders`]: 3, [`${prefix}orders.dlq`]: 1 })],
      execArgv: ["--disable-warning=TimeoutNegativeWarning"],
      env: process.env,
    });
    signal.addEventListener("abort", () => void topics.stop());
    const { how, tail } = await topics.ended;
    if (how !== "exit code 0") {
      throw new Error(
        `The topics can't be made on ${named}: ${tail.at(-1) ?? how}. Is KAFKA_BROKERS right?`,
      );
    }
    return kafka;
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearInterval(waiting);
  }
}
