// The ways on which a handler of the host is called, or an answer of its client handed back.
import { processBatch, processMessage } from "throughline";
import { type Options, processMessage as processRecord, traced } from "throughline/kafkajs";
import { record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

type Handler = (...given: unknown[]) => unknown;

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const headers = { traceparent: TRACEPARENT };
const at = { system: "nats", destination: "orders" };

function eachMessage(handler: Handler, options: Options): unknown {
  const { client, deliver } = stubConsumer();
  void traced(client, options).run({ eachMessage: handler as () => Promise<void> });
  return deliver(record(headers));
}

function eachBatch(handler: Handler, options: Options): unknown {
  const { client, deliverBatch } = stubConsumer();
  void traced(client, options).run({ eachBatch: handler as () => Promise<void> });
  return deliverBatch([record(headers), record()]);
}

/** By name: calls the handler with us around it, and gives back what the host gets. */
export const ways: Readonly<Record<string, (handler: Handler) => unknown>> = {
  processMessage: (handler) => processMessage({ headers }, handler, at),
  "processMessage without a delivery": (handler) => processMessage({ headers }, handler),
  processBatch: (handler) => processBatch([{ headers }, {}], handler, at),
  eachMessage: (handler) => eachMessage(handler, {}),
  "eachMessage without spans": (handler) => eachMessage(handler, { spans: "off" }),
  "eachMessage of an ignored topic": (handler) => eachMessage(handler, { ignore: () => true }),
  eachBatch: (handler) => eachBatch(handler, {}),
  "processMessage in eachBatch": (handler) =>
    eachBatch((payload) => {
      const { batch } = payload as { batch: { messages: object[] } };
      return processRecord(batch.messages[1] as object, handler);
    }, {}),
  send: (handler) =>
    traced(stubProducer(handler).client).send({ topic: "orders", messages: [{ value: "1" }] }),
  sendBatch: (handler) =>
    traced(stubProducer(handler).client).sendBatch({
      topicMessages: [{ topic: "orders", messages: [{ value: "1" }, { value: "2" }] }],
    }),
  commitOffsets: (handler) => {
    const { client } = stubConsumer();
    Object.assign(client, { commitOffsets: handler });
    return traced(client).commitOffsets([{ topic: "orders", partition: 0, offset: "1" }]);
  },
};
