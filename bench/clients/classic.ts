import { context } from "@opentelemetry/api";
import type * as rdkafka from "node-rdkafka";
import type { CheckedVariant } from "../gate/checked.ts";
import {
  BODY,
  Handled,
  HEADERS,
  MESSAGES,
  REQUEST,
  REQUEST_TRACEPARENT,
  traceparentOf,
} from "./orders.ts";
import { sideBySide } from "./sides.ts";

// The classic interface, which Confluent's client and node-rdkafka share: the clients' own
// JavaScript, and in librdkafka's place something that takes every message.

type Classic = typeof rdkafka;
type Client = rdkafka.Producer | rdkafka.KafkaConsumer;
type Traced = <Each extends Client>(client: Each, options: object) => Each;

/** A message's headers, as librdkafka gives and takes them. */
type Headers = Record<string, string | Buffer>[];

/** `data` listeners: an application's, called as the client calls it with what librdkafka fetched. */
export function classicProcess(client: Classic, traced: Traced): Promise<CheckedVariant[]> {
  return sideBySide(false, ({ side, tracerProvider, options }) => {
    const bare = new client.KafkaConsumer({ "group.id": "payments" }, {});
    const consumer = side === "ours" ? traced(bare, { tracerProvider, ...options }) : bare;
    const handled = new Handled();
    consumer.on("data", () => handled.one());
    return {
      messages: MESSAGES,
      spans: MESSAGES,
      seen: () => handled.seen,
      prepare() {
        handled.reset();
        const messages = Array.from({ length: MESSAGES }, (_, at) => fetched(at));
        return {
          run() {
            for (const message of messages) bare.emit("data", message);
          },
        };
      },
    };
  });
}

/** Where produce() has its headers. */
const HEADERS_AT = 6;

function fetched(at: number): rdkafka.Message {
  const texts = { ...HEADERS, traceparent: traceparentOf(at) };
  return {
    value: Buffer.from(BODY),
    size: BODY.length,
    key: Buffer.from(`order-${at}`),
    topic: "orders",
    partition: 0,
    offset: at,
    timestamp: 1_700_000_000_000,
    headers: Object.entries(texts).map(([name, text]) => ({ [name]: Buffer.from(text) })),
  };
}

/** produce() of a plain producer, which is over when librdkafka has taken the message. */
export function classicSend(client: Classic, traced: Traced): Promise<CheckedVariant[]> {
  return sideBySide(false, ({ side, tracerProvider, options }) => {
    const bare = new client.Producer({}, {});
    let last: Headers = [];
    Object.assign(bare, {
      _isConnected: true,
      _client: {
        produce(...args: unknown[]): number {
          last = args[HEADERS_AT] as Headers;
          return 0;
        },
      },
    });
    const producer = side === "ours" ? traced(bare, { tracerProvider, ...options }) : bare;
    return {
      messages: MESSAGES,
      spans: MESSAGES,
      seen: () => ({ from: REQUEST_TRACEPARENT, now: traceparentAmong(last) }),
      prepare() {
        const value = Buffer.from(BODY);
        const all = Array.from({ length: MESSAGES }, () =>
          Object.entries(HEADERS).map(([name, text]) => ({ [name]: text })),
        );
        const sendAll = (): void => {
          for (const [at, headers] of all.entries()) {
            producer.produce("orders", null, value, `order-${at}`, null, undefined, headers);
          }
        };
        return { run: () => context.with(REQUEST, sendAll) };
      },
    };
  });
}

function traceparentAmong(headers: Headers): string | undefined {
  return headers.find((header) => "traceparent" in header)?.["traceparent"]?.toString();
}
