import { Destination } from "../../destination.ts";
import { SQS_QUEUE_URL } from "../../semconv.ts";
import type { Source } from "../../source.ts";
import type { Tracing } from "../../tracing.ts";
import { SQS_SYSTEM } from "../aws/message.ts";
import { Places } from "../aws/places.ts";
import { queueName, queueSource } from "../aws/queue.ts";
import { Receipts } from "./receipts.ts";

/** One queue, as something to send to and to receive from. */
export class Queue {
  readonly name: string;
  readonly url: string;
  readonly destination: Destination;
  readonly source: Source;
  readonly receipts: Receipts;

  constructor(url: string, tracing: Tracing, receipts: Receipts) {
    this.url = url;
    this.receipts = receipts;
    this.name = queueName(url);
    this.destination = new Destination(SQS_SYSTEM, tracing, this.name, { [SQS_QUEUE_URL]: url });
    this.source = queueSource(url, tracing);
  }
}

/** A client's queues by their URLs. */
export function queuesOf(tracing: Tracing): Places<Queue> {
  const receipts = new Receipts();
  return new Places((url) => new Queue(url, tracing, receipts));
}
