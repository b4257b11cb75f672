// kafkajs's clients without a broker: what a producer is given is kept, and what a test delivers is
// handed to the handlers of run() as kafkajs hands it. For the core's tests; the adapter's own meet
// a real Kafka.
import type {
  Batch,
  Consumer,
  ConsumerRunConfig,
  EachBatchPayload,
  IHeaders,
  KafkaMessage,
  Message,
  Producer,
  ProducerBatch,
  ProducerRecord,
} from "kafkajs";

/** Where a stub consumer says that its records come from. */
export interface Place {
  topic?: string;
  partition?: number;
}

let offsets = 0;

const bytes = (value: string | null): Buffer | null => (value === null ? null : Buffer.from(value));

/** A record as kafkajs delivers it: header values are bytes, timestamp and offset are text. */
export function record(
  headers: Record<string, string | (string | null)[] | null> = {},
  fields: Partial<KafkaMessage> = {},
): KafkaMessage {
  return {
    key: null,
    value: Buffer.from("value"),
    timestamp: String(Date.now()),
    attributes: 0,
    offset: String(offsets++),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.map(bytes) : bytes(value),
      ]),
    ) as IHeaders,
    ...fields,
  } as KafkaMessage;
}

export interface StubConsumer {
  readonly client: Consumer;
  /** What run() was given. */
  config(): ConsumerRunConfig;
  /** Calls eachMessage, and gives back what it gives back. */
  deliver(message: KafkaMessage, place?: Place & { heartbeat?: () => Promise<void> }): unknown;
  /** Calls eachBatch, and gives back what it gives back. */
  deliverBatch(messages: KafkaMessage[], place?: Place): unknown;
}

export function stubConsumer(): StubConsumer {
  let running: ConsumerRunConfig | undefined;
  const config = (): ConsumerRunConfig => {
    if (running === undefined) throw new Error("run() was not called");
    return running;
  };
  const client = {
    events: { GROUP_JOIN: "consumer.group_join" },
    on: () => () => {},
    connect: async () => {},
    disconnect: async () => {},
    subscribe: async () => {},
    commitOffsets: async () => {},
    run: async (given: ConsumerRunConfig) => {
      running = given;
    },
  };
  return {
    client: client as unknown as Consumer,
    config,
    deliver: (message, { topic = "orders", partition = 0, heartbeat = async () => {} } = {}) =>
      config().eachMessage?.({ topic, partition, message, heartbeat, pause: () => () => {} }),
    deliverBatch(messages, { topic = "orders", partition = 0 } = {}) {
      const batch: Partial<Batch> = { topic, partition, messages, highWatermark: "100" };
      const payload: Partial<EachBatchPayload> = {
        batch: batch as Batch,
        resolveOffset: () => {},
        heartbeat: async () => {},
        isRunning: () => true,
        isStale: () => false,
      };
      return config().eachBatch?.(payload as EachBatchPayload);
    },
  };
}

export interface StubProducer {
  readonly client: Producer;
  /** The arguments of send() and sendBatch(), in order. */
  readonly calls: (ProducerRecord | ProducerBatch)[];
  /** Every message that was given to it, in order. */
  messages(): Message[];
}

/** A producer whose send() and sendBatch() give back what `answer` gives for their argument. */
export function stubProducer(answer: (argument: object) => unknown = async () => []): StubProducer {
  const calls: (ProducerRecord | ProducerBatch)[] = [];
  const sending = (argument: ProducerRecord | ProducerBatch): unknown => {
    calls.push(argument);
    return answer(argument);
  };
  const client = {
    connect: async () => {},
    disconnect: async () => {},
    isIdempotent: () => false,
    send: sending,
    sendBatch: sending,
    transaction: async () => ({
      send: sending,
      sendBatch: sending,
      commit: async () => {},
      abort: async () => {},
      isActive: () => true,
    }),
  };
  return {
    client: client as unknown as Producer,
    calls,
    messages: () =>
      calls.flatMap((call) =>
        "messages" in call
          ? call.messages
          : (call.topicMessages ?? []).flatMap(({ messages }) => messages),
      ),
  };
}

const text = (single: unknown): unknown => (Buffer.isBuffer(single) ? single.toString() : single);

/** A header of a message as text; undefined where it is absent. A repeated one is an array. */
export function header(message: { headers?: object | undefined }, name: string): unknown {
  const value = (message.headers as Record<string, unknown> | undefined)?.[name];
  return Array.isArray(value) ? value.map(text) : text(value);
}

/** The parts of the traceparent that a message carries. */
export function carried(message: { headers?: object | undefined }): {
  traceId: string;
  spanId: string;
  flags: string;
} {
  const value = header(message, "traceparent");
  const parts = typeof value === "string" ? value.split("-") : [];
  const [version, traceId, spanId, flags] = parts;
  if (version !== "00" || traceId === undefined || spanId === undefined || flags === undefined) {
    throw new Error(`no traceparent but ${String(value)}`);
  }
  return { traceId, spanId, flags };
}
