import { context } from "@opentelemetry/api";
import type * as confluent from "@confluentinc/kafka-javascript";
import type { KafkaJS } from "@confluentinc/kafka-javascript";
import type * as rdkafka from "node-rdkafka";
import { traced } from "throughline/confluent";
import type { CheckedVariant } from "../gate/checked.ts";
import { classicProcess, classicSend } from "./classic.ts";
import { nativeClient } from "./native.ts";
import {
  BODY,
  Handled,
  HEADERS,
  MESSAGES,
  REQUEST,
  REQUEST_TRACEPARENT,
  traceparentOf,
} from "./orders.ts";
import { type How, sideBySide } from "./sides.ts";

const client = nativeClient("@confluentinc/kafka-javascript") as typeof confluent;

/** librdkafka's cluster of its own makes of the client's threads as little as there can be. */
const CLUSTER = { "test.mock.num.brokers": 1, log_level: 0 };

type Handler = (payload: object) => Promise<void>;

/** The promised interface: what it hands to eachMessage, one after another. */
export function confluentProcess(): Promise<CheckedVariant[]> {
  return sideBySide(false, async (how) => {
    const bare = new client.KafkaJS.Kafka({}).consumer({ kafkaJS: { groupId: "payments" } });
    let reached: Handler | undefined;
    const run = async ({ eachMessage }: { eachMessage: Handler }): Promise<void> => {
      reached = eachMessage;
    };
    Object.assign(bare, { run });
    const handled = new Handled();
    await wrapped(bare, how).run({ eachMessage: async () => handled.one() });
    if (reached === undefined) throw new Error("run() did not reach the consumer");
    const eachMessage: Handler = reached;
    return {
      messages: MESSAGES,
      spans: MESSAGES,
      seen: () => handled.seen,
      prepare() {
        handled.reset();
        const payloads = Array.from({ length: MESSAGES }, (_, at) => payload(at));
        return {
          async run() {
            for (const each of payloads) await eachMessage(each);
          },
        };
      },
    };
  });
}

function payload(at: number): object {
  const texts = Object.entries({ ...HEADERS, traceparent: traceparentOf(at) });
  return {
    topic: "orders",
    partition: 0,
    message: {
      key: Buffer.from(`order-${at}`),
      value: Buffer.from(BODY),
      timestamp: "1700000000000",
      attributes: 0,
      offset: String(at),
      size: BODY.length,
      leaderEpoch: 0,
      headers: Object.fromEntries(texts.map(([name, text]) => [name, Buffer.from(text)])),
    },
    heartbeat: async () => {},
    pause: () => () => {},
  };
}

interface Inner {
  produce(...args: unknown[]): void;
  emit(event: string, ...args: unknown[]): void;
}

/** The promised interface: send() itself, with a librdkafka that takes every message at once. */
export function confluentSend(): Promise<CheckedVariant[]> {
  return sideBySide(false, async (how) => {
    const bare = new client.KafkaJS.Kafka(CLUSTER).producer();
    await bare.connect();
    const inner = Reflect.get(bare, "_getInternalClient").call(bare) as Inner;
    let last: Record<string, string | Buffer>[] = [];
    inner.produce = (topic, _partition, _value, _key, _timestamp, opaque, headers) => {
      last = headers as typeof last;
      const report = { topic, partition: 0, offset: 0, opaque };
      queueMicrotask(() => inner.emit("delivery-report", null, report));
    };
    const producer = wrapped(bare, how);
    return {
      messages: MESSAGES,
      spans: MESSAGES,
      seen: () => ({
        from: REQUEST_TRACEPARENT,
        now: last.find((header) => "traceparent" in header)?.["traceparent"]?.toString(),
      }),
      prepare() {
        const messages = Array.from({ length: MESSAGES }, (_, at) => ({
          key: `order-${at}`,
          value: BODY,
          headers: { ...HEADERS },
        }));
        const sendAll = async (): Promise<void> => {
          for (const message of messages) {
            await producer.send({ topic: "orders", messages: [message] });
          }
        };
        return { run: () => context.with(REQUEST, sendAll) };
      },
    };
  });
}

function wrapped<Client extends KafkaJS.Consumer | KafkaJS.Producer>(
  bare: Client,
  { side, tracerProvider, options }: How,
): Client {
  return side === "ours" ? traced(bare, { tracerProvider, ...options }) : bare;
}

type Classic = Parameters<typeof classicProcess>;

export function confluentClassicProcess(): Promise<CheckedVariant[]> {
  return classicProcess(client as unknown as typeof rdkafka, traced as unknown as Classic[1]);
}

export function confluentClassicSend(): Promise<CheckedVariant[]> {
  return classicSend(client as unknown as typeof rdkafka, traced as unknown as Classic[1]);
}
