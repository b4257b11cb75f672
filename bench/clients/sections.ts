import { check, type CheckedVariant } from "../gate/checked.ts";
import type { Variant } from "../measure.ts";
import { notBuilt } from "./native.ts";

export type What = "process" | "send" | "sendBatch" | "classicProcess" | "classicSend";

/** What is measured of one client. */
export interface ClientSection {
  /** As the client's subpath is called. */
  readonly client: string;
  readonly what: What;
  /** What it is measured beside; absent where there is none. */
  readonly peer?: string;
  /** What the two do otherwise, where that is not the same work. */
  readonly note?: string;
}

const KJ = "@opentelemetry/instrumentation-kafkajs";
const AM = "@opentelemetry/instrumentation-amqplib";
const AW = "@opentelemetry/instrumentation-aws-sdk";
const PK = "@platformatic/kafka-opentelemetry";

const ACKED = "ours has a span for the acknowledgement too; the peer's one span ends with it";
const RECEIVED =
  "the peer has a span for a receive of ten, linked to them, and nothing for a message";
const IN_A_BATCH =
  "of ten in a call; ours has a span for each and one for the call, the peer one in all";

/** Clients that `npm run native` builds; without it they are left out. */
const COMPILED: readonly ClientSection[] = [
  { client: "confluent", what: "process" },
  { client: "confluent", what: "send" },
  { client: "confluent", what: "classicProcess" },
  { client: "confluent", what: "classicSend" },
  { client: "rdkafka", what: "process" },
  { client: "rdkafka", what: "send" },
];

/** In the order in which they run, each in a process of its own. */
export const SECTIONS: readonly ClientSection[] = [
  { client: "kafkajs", what: "process", peer: KJ },
  { client: "kafkajs", what: "send", peer: KJ },
  { client: "platformatic", what: "process", peer: PK },
  { client: "platformatic", what: "send", peer: PK },
  { client: "amqplib", what: "process", peer: AM, note: ACKED },
  { client: "amqplib", what: "send", peer: AM },
  { client: "rabbitmq-client", what: "process" },
  { client: "rabbitmq-client", what: "send" },
  { client: "sqs", what: "process", peer: AW, note: RECEIVED },
  { client: "sqs", what: "send", peer: AW },
  { client: "sqs", what: "sendBatch", peer: AW, note: IN_A_BATCH },
  { client: "sns", what: "send", peer: AW },
  { client: "sqs-consumer", what: "process", peer: AW, note: RECEIVED },
  { client: "lambda", what: "process" },
  ...(notBuilt === undefined ? COMPILED : []),
];

/** The variants of a section, each held to the spans that it should end. */
export async function variantsOf(client: string, what: What): Promise<Variant[]> {
  const make = (await makersOf(client))[what];
  if (make === undefined) throw new Error(`the bench does not measure ${what} of ${client}`);
  const variants = await make();
  await check(variants);
  return variants;
}

type Makers = Partial<Record<What, () => CheckedVariant[] | Promise<CheckedVariant[]>>>;

/** A client's code is loaded for its own sections alone. */
async function makersOf(client: string): Promise<Makers> {
  switch (client) {
    case "kafkajs": {
      const { kafkajsProcess, kafkajsSend } = await import("./kafkajs.ts");
      return { process: kafkajsProcess, send: kafkajsSend };
    }
    case "platformatic": {
      const { platformaticProcess, platformaticSend } = await import("./platformatic.ts");
      return { process: platformaticProcess, send: platformaticSend };
    }
    case "amqplib": {
      const { amqplibProcess, amqplibSend } = await import("./amqplib.ts");
      return { process: amqplibProcess, send: amqplibSend };
    }
    case "rabbitmq-client": {
      const { rabbitmqClientProcess, rabbitmqClientSend } = await import("./rabbitmq-client.ts");
      return { process: rabbitmqClientProcess, send: rabbitmqClientSend };
    }
    case "sqs": {
      const { sqsProcess, sqsSend, sqsSendBatch } = await import("./sqs.ts");
      return { process: sqsProcess, send: sqsSend, sendBatch: sqsSendBatch };
    }
    case "sns":
      return { send: (await import("./sns.ts")).snsSend };
    case "sqs-consumer":
      return { process: (await import("./sqs-consumer.ts")).sqsConsumerProcess };
    case "lambda":
      return { process: (await import("./lambda.ts")).lambdaProcess };
    case "confluent": {
      const made = await import("./confluent.ts");
      return {
        process: made.confluentProcess,
        send: made.confluentSend,
        classicProcess: made.confluentClassicProcess,
        classicSend: made.confluentClassicSend,
      };
    }
    case "rdkafka": {
      const { rdkafkaProcess, rdkafkaSend } = await import("./rdkafka.ts");
      return { process: rdkafkaProcess, send: rdkafkaSend };
    }
    default:
      throw new Error(`the bench has no client ${client}`);
  }
}
