import { Destination } from "../../destination.ts";
import { SQS_QUEUE_URL } from "../../semconv.ts";
import { Source } from "../../source.ts";
import type { Tracing } from "../../tracing.ts";
import { sqsFormat, SQS_SYSTEM } from "../aws/message.ts";
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
    // The last segment of its URL is its name, whatever the endpoint.
    this.name = url.slice(url.lastIndexOf("/") + 1);
    const attributes = { [SQS_QUEUE_URL]: url };
    this.destination = new Destination(SQS_SYSTEM, tracing, this.name, attributes);
    const origin = { system: SQS_SYSTEM, destination: this.name };
    this.source = new Source(sqsFormat, tracing, origin, false, attributes);
  }
}

/** A client may be given any number of URLs: the oldest queues are forgotten beyond this. */
const MAX_QUEUES = 1000;

/** A client's queues by their URLs, each made once. */
export class Queues {
  private readonly known = new Map<string, Queue>();
  private readonly receipts = new Receipts();
  private readonly tracing: Tracing;

  constructor(tracing: Tracing) {
    this.tracing = tracing;
  }

  /** Undefined for what is no URL of a queue. */
  of(url: unknown): Queue | undefined {
    if (typeof url !== "string" || url === "") return undefined;
    const known = this.known.get(url);
    if (known !== undefined) return known;
    const oldest = this.known.size >= MAX_QUEUES ? this.known.keys().next().value : undefined;
    if (oldest !== undefined) this.known.delete(oldest);
    const made = new Queue(url, this.tracing, this.receipts);
    this.known.set(url, made);
    return made;
  }
}
