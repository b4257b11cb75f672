import { context, metrics, trace } from "@opentelemetry/api";
import type { KafkaMessage } from "kafkajs";
import { processMessage, traced } from "throughline/kafkajs";
import { tracing } from "./sdk.ts";
import { stubConsumer, stubProducer } from "./stub-kafkajs.ts";

// Run by memory.test.ts in a process of its own, with --expose-gc: prints what the heap holds, in
// bytes, after a warm-up and after a million messages.

const MESSAGES = 1_000_000;
const IN_A_BATCH = 500;

let offset = 0;

/** A message as light as one may be, and new each time. */
function record(): KafkaMessage {
  offset += 1;
  const headers = {
    traceparent: `00-${String(offset).padStart(32, "0")}-${String(offset).padStart(16, "0")}-01`,
  };
  return { key: null, value: null, timestamp: "1", attributes: 0, offset: String(offset), headers };
}

function heapBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const observed = tracing({ sampler: "always_off" });
metrics.disable();

async function consumeEach(): Promise<(from: number, to: number) => Promise<void>> {
  const stub = stubConsumer();
  await traced(stub.client, { groupId: "g" }).run({ eachMessage: async () => {} });
  return async (from, to) => {
    for (let at = from; at < to; at++) await stub.deliver(record());
  };
}

/** With spans that record, and are dropped when they end, and with durations measured. */
async function consumeMeasured(): Promise<(from: number, to: number) => Promise<void>> {
  const { meterProvider } = observed;
  const Provider = observed.tracerProvider.constructor as new () => typeof observed.tracerProvider;
  const stub = stubConsumer();
  await traced(stub.client, { groupId: "g", tracerProvider: new Provider(), meterProvider }).run({
    eachMessage: async () => {},
  });
  return async (from, to) => {
    for (let at = from; at < to; at++) await stub.deliver(record());
  };
}

async function consumeBatches(): Promise<(from: number, to: number) => Promise<void>> {
  const stub = stubConsumer();
  await traced(stub.client, { groupId: "g" }).run({
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) await processMessage(message, async () => {});
    },
  });
  return async (from, to) => {
    for (let at = from; at < to; at += IN_A_BATCH) {
      const batch = Array.from({ length: IN_A_BATCH }, record);
      await stub.deliverBatch(batch);
    }
  };
}

/** Each message is handled inside the context that the one before left behind. */
async function reenter(): Promise<(from: number, to: number) => Promise<void>> {
  let left = context.active();
  const delivery = { system: "kafka", destination: "again" };
  return async (from, to) => {
    for (let at = from; at < to; at++) {
      context.with(left, () =>
        processMessage(
          record(),
          () => {
            const span = trace.getTracer("application").startSpan("own");
            left = trace.setSpan(context.active(), span);
            span.end();
          },
          delivery,
        ),
      );
    }
  };
}

/** Messages that come from ever new places, as replies do. */
async function consumeFromAnywhere(): Promise<(from: number, to: number) => Promise<void>> {
  return async (from, to) => {
    for (let at = from; at < to; at++) {
      processMessage(record(), () => {}, { system: "kafka", destination: `reply-${at}` });
    }
  };
}

/** Messages that go to ever new places. */
async function sendAnywhere(): Promise<(from: number, to: number) => Promise<void>> {
  const { client, calls } = stubProducer();
  const producer = traced(client);
  return async (from, to) => {
    for (let at = from; at < to; at++) {
      await producer.send({ topic: `reply-${at}`, messages: [{ value: null }] });
      calls.length = 0;
    }
  };
}

const ways = [
  { way: "eachMessage", make: consumeEach, messages: MESSAGES },
  { way: "eachMessage, sampled and measured", make: consumeMeasured, messages: MESSAGES / 5 },
  { way: "eachBatch", make: consumeBatches, messages: MESSAGES },
  { way: "processMessage again", make: reenter, messages: MESSAGES },
  { way: "from anywhere", make: consumeFromAnywhere, messages: MESSAGES / 20 },
  { way: "to anywhere", make: sendAnywhere, messages: MESSAGES / 20 },
];
for (const { way, make, messages } of ways) {
  const consume = await make();
  const warmUp = messages / 10;
  await consume(0, warmUp);
  const before = heapBytes();
  await consume(warmUp, warmUp + messages);
  console.log(JSON.stringify({ way, before, after: heapBytes() }));
}
await observed.shutdown();
