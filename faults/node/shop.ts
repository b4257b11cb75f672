// What the programs in here have in common: three orders on a topic, each sent in a trace of its
// own by a checkout that does it right, and services with an OpenTelemetry SDK that knows nothing of
// Throughline. Spans go to OTEL_EXPORTER_OTLP_ENDPOINT, and are printed as trees where that is unset.
import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import type { Context, Tracer } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { randomBytes } from "node:crypto";
import { Kafka, logLevel } from "kafkajs";
import type { Consumer, IHeaders, Message } from "kafkajs";
import { startEmbeddedKafka } from "../../services/embedded-kafka/start.ts";
import { createTopics } from "../../services/topics.ts";
import { trees } from "./trees.ts";

const ORDERS = 3;
const PATIENCE_MS = 60_000;

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

const printed =
  process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] === undefined ? new InMemorySpanExporter() : undefined;
const providers = new Map<string, BasicTracerProvider>();

/** The tracer provider of a service: each has a resource of its own, as if it were a process. */
export function providerOf(service: string): BasicTracerProvider {
  const known = providers.get(service);
  if (known !== undefined) return known;
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    spanProcessors: [
      printed === undefined
        ? new BatchSpanProcessor(new OTLPTraceExporter())
        : new SimpleSpanProcessor(printed),
    ],
  });
  providers.set(service, provider);
  return provider;
}

/** The tracer of a service's own code. */
export const tracerOf = (service: string): Tracer => providerOf(service).getTracer("shop");

trace.setGlobalTracerProvider(providerOf("payments"));

const given = process.env["KAFKA_BROKERS"];
const embedded = given === undefined ? await startEmbeddedKafka() : undefined;
export const brokers = (given ?? embedded?.brokers ?? "").split(",");
/** A service's own client: plain kafkajs. */
export const kafkaOf = (service: string): Kafka =>
  new Kafka({ brokers, clientId: service, logLevel: logLevel.NOTHING });
export const kafka = kafkaOf("payments");

const run = randomBytes(4).toString("hex");
/** A topic of this run alone. */
export const topicOf = (name: string): string => `${name}-${run}`;

/** The topic that holds the orders. */
export const orders = topicOf("orders");

/**
 * Makes the topics and places the orders, all in one fetch, each with its key for a value.
 * `headers` may change what a message carries, as a sender in between does.
 */
export async function placeOrders(
  headers: (own: Record<string, string>, number: number) => IHeaders = (own) => own,
  others: readonly string[] = [],
): Promise<void> {
  await createTopics(
    brokers.join(","),
    Object.fromEntries([orders, ...others].map((topic) => [topic, 1])),
  );
  const tracer = tracerOf("checkout");
  const messages: Message[] = [];
  for (let number = 1; number <= ORDERS; number++) {
    const key = `order-${number}`;
    const span = tracer.startSpan(`send ${orders}`, {
      kind: SpanKind.PRODUCER,
      attributes: attributesOf("send", orders, key),
    });
    const own: Record<string, string> = {};
    propagation.inject(trace.setSpan(ROOT_CONTEXT, span), own);
    messages.push({ key, value: key, partition: 0, headers: headers(own, number) });
    span.end();
  }
  const producer = kafkaOf("checkout").producer();
  await producer.connect();
  await producer.send({ topic: orders, messages });
  await producer.disconnect();
}

/** What OpenTelemetry's convention wants on a messaging span. */
export function attributesOf(operation: string, topic: string, key: string) {
  return {
    "messaging.system": "kafka",
    "messaging.operation.type": operation,
    "messaging.destination.name": topic,
    "messaging.kafka.message.key": key,
  };
}

const consumers: Consumer[] = [];

/** A consumer of a topic from its beginning; `by` may be traced. */
export async function subscribed(by: Kafka, topic: string): Promise<Consumer> {
  const consumer = by.consumer({ groupId: `${topic}-readers`, maxWaitTimeInMs: 100 });
  consumers.push(consumer);
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  return consumer;
}

/** Header values as text, a repeated one's first: what a careful hand-written consumer does. */
function textOf(headers: IHeaders | undefined): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) texts[name] = first.toString();
  }
  return texts;
}

/** The context of a record, by hand. */
export const extracted = (headers: IHeaders | undefined): Context =>
  propagation.extract(ROOT_CONTEXT, textOf(headers));

let done = 0;
const worked = new EventTarget();

/** The application's own work on one order: a span, which says whose trace it was done in. */
export async function work(name: string, service = "payments"): Promise<void> {
  await tracerOf(service).startActiveSpan(name, async (span) => {
    await new Promise((resolve) => setImmediate(resolve));
    span.end();
  });
  done += 1;
  worked.dispatchEvent(new Event("done"));
}

/** Waits until so many pieces of work are done (each order's, by default), ends all, and prints. */
export async function close(pieces: number = ORDERS): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${done} of ${pieces} pieces of work were done in a minute`)),
      PATIENCE_MS,
    );
    const look = (): void => {
      if (done < pieces) return;
      clearTimeout(timer);
      resolve();
    };
    worked.addEventListener("done", look);
    look();
  });
  // Handlers end their spans before their consumer is gone.
  for (const consumer of consumers) await consumer.disconnect();
  for (const provider of providers.values()) await provider.forceFlush();
  if (printed !== undefined) console.log(trees(printed.getFinishedSpans()));
  for (const provider of providers.values()) await provider.shutdown();
  await embedded?.stop();
}
