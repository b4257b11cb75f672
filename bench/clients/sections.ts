import { check } from "../gate/checked.ts";
import type { Variant } from "../measure.ts";

/** What is measured of one client. */
export interface ClientSection {
  /** As the client's subpath is called. */
  readonly client: string;
  readonly what: "process" | "send";
  /** What it is measured beside; absent where there is none. */
  readonly peer?: string;
}

const KJ = "@opentelemetry/instrumentation-kafkajs";
const AM = "@opentelemetry/instrumentation-amqplib";
const PK = "@platformatic/kafka-opentelemetry";

/** In the order in which they run, each in a process of its own. */
export const SECTIONS: readonly ClientSection[] = [
  { client: "kafkajs", what: "process", peer: KJ },
  { client: "kafkajs", what: "send", peer: KJ },
  { client: "platformatic", what: "process", peer: PK },
  { client: "platformatic", what: "send", peer: PK },
  { client: "amqplib", what: "process", peer: AM },
  { client: "amqplib", what: "send", peer: AM },
];

/** The variants of a section, each held to the spans that it should end. */
export async function variantsOf(client: string, what: "process" | "send"): Promise<Variant[]> {
  const variants = await made(client, what);
  await check(variants);
  return variants;
}

async function made(client: string, what: "process" | "send") {
  switch (client) {
    case "kafkajs": {
      const { kafkajsProcess, kafkajsSend } = await import("./kafkajs.ts");
      return what === "process" ? kafkajsProcess() : kafkajsSend();
    }
    case "platformatic": {
      const { platformaticProcess, platformaticSend } = await import("./platformatic.ts");
      return what === "process" ? platformaticProcess() : platformaticSend();
    }
    case "amqplib": {
      const { amqplibProcess, amqplibSend } = await import("./amqplib.ts");
      return what === "process" ? amqplibProcess() : amqplibSend();
    }
    default:
      throw new Error(`the bench has no client ${client}`);
  }
}
