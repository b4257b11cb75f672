import { randomUUID } from "node:crypto";
import { inFreshProcess } from "../child.ts";
import type { Samples } from "../measure.ts";
import { type Ran, type Section, sectionOf, type Spans } from "../results.ts";
import { kafkaAvailable, startKafka } from "../../services/kafka/start.ts";
import type { Stock } from "./consume.ts";

interface Amount {
  readonly topics: number;
  readonly perTopic: number;
  readonly warmUp: number;
}

/** 200,000 records a variant, a topic a round. */
const FULL: Amount = { topics: 10, perTopic: 20_000, warmUp: 1 };
const SHORT: Amount = { topics: 1, perTopic: 1_000, warmUp: 0 };

/** Where no round may be begun any more, should the machine be very slow. */
const LIMIT_MS = 300_000;

const here = (file: string): URL => new URL(file, import.meta.url);

/** On a real Kafka, end to end, all variants of a section interleaved in one process. */
export async function run(short: boolean, progress: (text: string) => void): Promise<Ran> {
  const given = process.env["KAFKA_BROKERS"];
  if (given !== undefined && given !== "") return measured(given, short, progress);
  const absence = await kafkaAvailable();
  if (absence !== undefined) {
    return { sections: [], absence: { what: "the report on a real Kafka", ...absence } };
  }
  const kafka = await startKafka({ progress: (line) => progress(`report, ${line}`) });
  try {
    return await measured(kafka.brokers, short, progress);
  } finally {
    await kafka.stop();
  }
}

async function measured(
  brokers: string,
  short: boolean,
  progress: (text: string) => void,
): Promise<Ran> {
  const { topics, perTopic, warmUp } = short ? SHORT : FULL;
  const name = `bench-${randomUUID().slice(0, 8)}`;
  const stock: Stock = {
    brokers,
    topics: Array.from({ length: topics }, (_, at) => `${name}-${at}`),
    perTopic,
  };
  await inFreshProcess(here("stock.ts"), stock, (text) => progress(`report, ${text}`));
  const sections: Section[] = [];
  for (const section of ["eachMessage", "eachBatch"]) {
    const effort = { rounds: topics, runs: 1, warmUp, limitMs: LIMIT_MS };
    const { samples, spans } = await inFreshProcess<{
      samples: Samples;
      spans: Record<string, Spans>;
    }>(here("process.ts"), { section, effort, stock }, (text) =>
      progress(`report, ${section}: ${text}`),
    );
    sections.push(sectionOf(section, samples, spans));
  }
  return { sections };
}
