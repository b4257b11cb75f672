// npm run bench -- capture: writes captured/*.bin anew, the raw answers to a real consumer's fetch.
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { Kafka, logLevel } from "kafkajs";
import { startKafka } from "../services/kafka/start.ts";
import { createTopics } from "../services/topics.ts";
import { CAPTURED, type Capture, captureFile, decodeFetch, type FetchAnswer } from "./records.ts";

const PARTITIONS = 3;
const PER_PARTITION = 200;
const FETCH_VERSION = 11;

const hex = (bytes: number): string => randomBytes(bytes).toString("hex");

/** Headers as an instrumented order service sends them; laden ones bring vendor state and baggage. */
function headersOf(capture: Capture): Record<string, string> {
  const spanId = hex(8);
  return {
    "content-type": "application/json",
    "event-type": "order.placed",
    traceparent: `00-${hex(16)}-${spanId}-01`,
    ...(capture === "laden" && {
      tracestate: `acme=s:1;p:${spanId},other=t61rcWkgMzE`,
      baggage: `tenant=shop-${hex(1)},user.id=${hex(4)}`,
    }),
  };
}

function ordersOf(capture: Capture, partition: number): object[] {
  return Array.from({ length: PER_PARTITION }, (_, at) => ({
    partition,
    key: `order-${partition * PER_PARTITION + at}`,
    value: JSON.stringify({
      id: partition * PER_PARTITION + at,
      sku: hex(4),
      quantity: 1 + (at % 5),
    }),
    headers: headersOf(capture),
  }));
}

/** The raw answer to a fetch is what kafkajs's decoder is given: it is read off there, unchanged. */
function tapFetches(): Buffer[] {
  const answers: Buffer[] = [];
  const load = createRequire(import.meta.url);
  const response = load(`kafkajs/src/protocol/requests/fetch/v${FETCH_VERSION}/response.js`) as {
    decode(raw: Buffer): Promise<FetchAnswer>;
  };
  const { decode } = response;
  response.decode = (raw) => {
    answers.push(Buffer.from(raw));
    return decode(raw);
  };
  return answers;
}

async function consumeAll(kafka: Kafka, topic: string, wanted: number): Promise<void> {
  const consumer = kafka.consumer({ groupId: `capture-${topic}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    let seen = 0;
    const eachMessage = async (): Promise<void> => {
      if (++seen === wanted) resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
}

const broker = await startKafka();
try {
  await createTopics(broker.brokers, { plain: PARTITIONS, laden: PARTITIONS });
  const kafka = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.ERROR });
  const answers = tapFetches();
  for (const capture of CAPTURED) {
    const producer = kafka.producer();
    await producer.connect();
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    const messages = partitions.flatMap((partition) => ordersOf(capture, partition));
    await producer.send({ topic: capture, messages: messages as { value: string }[] });
    await producer.disconnect();

    answers.length = 0;
    const wanted = PARTITIONS * PER_PARTITION;
    await consumeAll(kafka, capture, wanted);
    const whole = answers.toSorted((one, other) => other.length - one.length)[0] as Buffer;
    const found = (await decodeFetch(whole)).reduce(
      (sum, { messages }) => sum + messages.length,
      0,
    );
    if (found !== wanted)
      throw new Error(`the largest fetch held ${found} of ${wanted} records: run it again`);
    await writeFile(captureFile(capture), whole);
    console.log(`captured ${capture}: ${found} records, ${whole.length} bytes`);
  }
} finally {
  await broker.stop();
}
