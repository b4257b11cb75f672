import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type {
  Consumer,
  EachMessagePayload,
  Kafka,
  KafkaMessage,
  Producer,
  ProducerRecord,
} from "kafkajs";
import { ORDERS } from "../orders.ts";

// What stands in for throughline/kafkajs in `npm start -- --without`: the producer injects, as most
// do, and the consumer opens its spans without extracting anything, as most do too.

const tracer = trace.getTracer("without");

/** A Kafka whose producers inject, and whose consumers just start a span. */
export function traced(kafka: Kafka): Kafka {
  const producer = kafka.producer.bind(kafka);
  const consumer = kafka.consumer.bind(kafka);
  kafka.producer = (config) => injecting(producer(config));
  kafka.consumer = (config) => orphaning(consumer(config));
  return kafka;
}

function injecting(producer: Producer): Producer {
  const send = producer.send;
  producer.send = (record: ProducerRecord) => {
    const span = tracer.startSpan(`send ${record.topic}`, {
      kind: SpanKind.PRODUCER,
      attributes: attributesOf("send", record.topic, record.messages[0]?.key),
    });
    const messages = record.messages.map((message) => {
      const headers = { ...message.headers };
      propagation.inject(trace.setSpan(context.active(), span), headers);
      return { ...message, headers };
    });
    return send({ ...record, messages }).finally(() => span.end());
  };
  return producer;
}

function orphaning(consumer: Consumer): Consumer {
  const run = consumer.run;
  consumer.run = (config = {}) => {
    const { eachMessage } = config;
    if (eachMessage === undefined) return run(config);
    return run({
      ...config,
      eachMessage: (payload) =>
        inProcessSpan(payload.topic, payload.message, () => eachMessage(payload)),
    });
  };
  return consumer;
}

/** The mistake: the message's headers hold its context, and nobody reads them. */
function inProcessSpan<Result>(
  topic: string,
  message: KafkaMessage,
  work: () => Promise<Result>,
): Promise<Result> {
  const attributes = attributesOf("process", topic, message.key);
  const options = { kind: SpanKind.CONSUMER, attributes };
  return tracer.startActiveSpan(`process ${topic}`, options, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
      throw error;
    } finally {
      span.end();
    }
  });
}

function attributesOf(
  operation: string,
  topic: string,
  key: Buffer | string | null | undefined,
): Record<string, string> {
  return {
    "messaging.system": "kafka",
    "messaging.operation.type": operation,
    "messaging.destination.name": topic,
    ...(key === null || key === undefined ? {} : { "messaging.kafka.message.key": key.toString() }),
  };
}

/** A span for each record of a batch, each a root. */
export function processMessage<Result>(
  message: KafkaMessage,
  handler: () => Promise<Result>,
): Promise<Result> {
  return inProcessSpan(ORDERS, message, handler);
}

interface Policy {
  readonly attempts: number;
  readonly deadLetter: (letter: { key: Buffer | null; value: Buffer | null }) => Promise<unknown>;
}

/** Tries again, then publishes the record's key and value: its headers are lost. */
export function withRetries(
  handler: (payload: EachMessagePayload) => Promise<void>,
  { attempts, deadLetter }: Policy,
): (payload: EachMessagePayload) => Promise<void> {
  return async (payload) => {
    for (let attempt = 1; ; attempt++) {
      try {
        await handler(payload);
        return;
      } catch {
        if (attempt < attempts) continue;
        await deadLetter({ key: payload.message.key, value: payload.message.value });
        return;
      }
    }
  };
}

/** Nothing tells where a record came from. */
export function deadLetterOf(_message: KafkaMessage): undefined {
  return undefined;
}
