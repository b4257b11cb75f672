import { Consumer } from "sqs-consumer";
import { traced } from "throughline/sqs-consumer";
import type { CheckedVariant } from "../gate/checked.ts";
import { Endpoint, QUEUE_URL } from "./aws-endpoint.ts";
import { Handled, MESSAGES } from "./orders.ts";
import { sideBySide } from "./sides.ts";
import { deliveries, receiving, sqsClient } from "./sqs.ts";

/** A consumer sleeps between two receives, which one by one would take more time than all work does. */
const CONSUMERS = 30;

/** Consumers on an SQSClient that poll a queue without a network; deleting is left out. */
export function sqsConsumerProcess(): Promise<CheckedVariant[]> {
  return sideBySide(true, (how) => {
    const { side, tracerProvider, options } = how;
    const endpoint = new Endpoint();
    // Ours is on the consumer alone, as its users have it.
    const sqs = sqsClient(endpoint, side === "ours" ? { ...how, side: "bare" } : how);
    const handled = new Handled();
    const handleMessage = async (): Promise<undefined> => handled.one();
    const given = {
      queueUrl: QUEUE_URL,
      sqs,
      handleMessage,
      batchSize: 10,
      shouldDeleteMessages: false,
      pollingWaitTimeMs: 0,
    };
    for (let at = 0; at < CONSUMERS; at++) {
      const own = side === "ours" ? traced(given, { tracerProvider, ...options }) : given;
      Consumer.create(own).start();
    }
    return {
      messages: MESSAGES,
      spans: side === "ours" ? MESSAGES : MESSAGES / 10,
      ...receiving(handled, side),
      prepare() {
        handled.reset();
        const answers = deliveries();
        return {
          async run() {
            const done = handled.all();
            endpoint.put(answers);
            await done;
          },
        };
      },
    };
  });
}
