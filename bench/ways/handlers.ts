import {
  type Attributes,
  type AttributeValue,
  type Context,
  context,
  type MeterProvider,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import type { KafkaMessage } from "kafkajs";
import { MessageContext } from "../../packages/throughline/src/context.ts";
import { extract } from "../../packages/throughline/src/extract.ts";
import { readRegistered } from "../../packages/throughline/src/registered.ts";

/** A message, and where it was delivered from. */
export interface Delivered {
  readonly topic: string;
  readonly partition: number;
  readonly message: KafkaMessage;
}

/** A handler of single messages. */
export type Handler = (delivered: Delivered) => Promise<void>;

/** The handler of the article that this library implements, as it stands there. */
export function articleHandler(provider: TracerProvider, work: Handler): Handler {
  const tracer = provider.getTracer("order-consumer");
  return async (delivered) => {
    const carrier: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(delivered.message.headers ?? {})) {
      carrier[key] = Buffer.isBuffer(value) ? value.toString() : value;
    }
    const extracted = propagation.extract(context.active(), carrier);
    await context.with(extracted, async () => {
      const span = tracer.startSpan("process_order", {}, extracted);
      try {
        await work(delivered);
        span.setStatus({ code: SpanStatusCode.OK });
      } catch (error) {
        span.recordException(error as Error);
        span.setStatus({ code: SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end();
      }
    });
  };
}

const PARENT = trace.setSpanContext(ROOT_CONTEXT, {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "00f067aa0ba902b7",
  traceFlags: 1,
  isRemote: true,
});

/**
 * What no trace of a message can do without: a span started and ended, with the attributes that
 * ours has. Its parent is at hand: nothing is extracted, and nothing is made active.
 */
export function bareSpanHandler(provider: TracerProvider, work: Handler): Handler {
  const tracer = provider.getTracer("bare");
  return (delivered) => {
    startSpan(tracer, delivered, attributesOf(delivered), PARENT).end();
    return work(delivered);
  };
}

/**
 * What no implementation can do without that gives each message a span in its own trace: the context
 * extracted, a span with our attributes under it (a partition's made once), that span active in the
 * handler. It ends at once.
 */
export function floorHandler(provider: TracerProvider, work: Handler): Handler {
  const tracer = provider.getTracer("floor");
  const { carrying } = readRegistered({});
  const held = new Map<number, Attributes>();
  const heldOf = (delivered: Delivered): Attributes => {
    const known = held.get(delivered.partition);
    if (known !== undefined) return known;
    // Of a shape of its own: the bare span's attributes, made anew each time, have no list.
    const made: Attributes = Object.fromEntries(
      Object.entries<AttributeValue>(attributesOf(delivered)),
    );
    Object.keys(made); // See listed.ts.
    held.set(delivered.partition, made);
    return made;
  };
  return (delivered) => {
    const { parent } = extract(delivered.message.headers, carrying, "new", ROOT_CONTEXT);
    const remote = parent && trace.wrapSpanContext(parent);
    const span = startSpan(tracer, delivered, heldOf(delivered), contextWith(remote));
    const result = context.with(contextWith(span), work, undefined, delivered);
    span.end();
    return result;
  };
}

// The api's own setSpan copies a map: this is the least that a context can be.
function contextWith(span: Span | undefined): Context {
  return new MessageContext(
    ROOT_CONTEXT,
    ROOT_CONTEXT,
    span,
    undefined,
    undefined,
    span?.spanContext(),
  );
}

/** What samplers may ask for when the span is made. */
function attributesOf({ topic, partition }: Delivered): Record<string, AttributeValue> {
  return {
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.system": "kafka",
    "messaging.destination.name": topic,
    "messaging.consumer.group.name": "bench",
    "messaging.destination.partition.id": String(partition),
  };
}

/** A span with the rest where it records. */
function startSpan(
  tracer: Tracer,
  { topic, message: { offset, key } }: Delivered,
  attributes: Attributes,
  parent: Context,
): Span {
  const options = { kind: SpanKind.CONSUMER, attributes };
  const span = tracer.startSpan(`process ${topic}`, options, parent);
  if (span.isRecording()) {
    span.setAttribute("messaging.kafka.offset", Number(offset));
    if (key !== null) span.setAttribute("messaging.kafka.message.key", key.toString());
  }
  return span;
}

/** Making a context active, with nothing in it. */
export function bareContextHandler(work: Handler): Handler {
  return (delivered) => context.with(ROOT_CONTEXT, work, undefined, delivered);
}

const BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** What a duration costs by itself: two clock readings and one record of a histogram. */
export function bareRecordHandler(provider: MeterProvider, work: Handler): Handler {
  const histogram = provider.getMeter("bare").createHistogram("messaging.process.duration", {
    unit: "s",
    advice: { explicitBucketBoundaries: BUCKETS_S },
  });
  const attributes = Object.freeze({
    "messaging.operation.name": "process",
    "messaging.system": "kafka",
    "messaging.destination.name": "plain",
    "messaging.consumer.group.name": "bench",
    "messaging.destination.partition.id": "0",
  });
  return (delivered) => {
    const beganMs = performance.now();
    const result = work(delivered);
    histogram.record((performance.now() - beganMs) / 1000, attributes);
    return result;
  };
}
