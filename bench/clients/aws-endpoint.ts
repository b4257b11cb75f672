import type { SQSClientConfig } from "@aws-sdk/client-sqs";
import { BODY, traceparentOf } from "./orders.ts";

export const QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders";
export const TOPIC_ARN = "arn:aws:sns:eu-central-1:123456789012:orders";
/** What one receive, and one batch, holds at most. */
export const IN_ONE_CALL = 10;

interface HttpRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A queue's or a topic's end of HTTP, without a network: what is sent is dropped, what was put is received. */
export class Endpoint {
  #last: unknown;
  /** Answers to receives, in their order. */
  #ready: string[] = [];
  #waiting: ((body: string) => void)[] = [];

  /** The last request's body. */
  get last(): string {
    const body = this.#last;
    return typeof body === "string" ? body : new TextDecoder().decode(body as Uint8Array);
  }

  /** As a client is configured for it: nothing is signed, and no digest of an answer is checked. */
  get config(): SQSClientConfig {
    return {
      region: "eu-central-1",
      credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
      signer: { sign: async (request) => request },
      md5: false,
      requestHandler: {
        handle: async (request: unknown) => ({
          response: await this.#handle(request as HttpRequest),
        }),
      },
    };
  }

  /** Puts deliveries into the queue; receives that wait have the first of them. */
  put(answers: readonly string[]): void {
    const waiting = this.#waiting.splice(0, answers.length);
    this.#ready = answers.slice(waiting.length);
    for (const [at, answer] of waiting.entries()) answer(answers[at] as string);
  }

  async #handle({ headers, body }: HttpRequest): Promise<object> {
    const type = "application/x-amz-json-1.0";
    const operation = headers["x-amz-target"];
    if (operation === "AmazonSQS.ReceiveMessage") return answer(type, await this.#receive());
    this.#last = body;
    return operation === undefined ? answer("text/xml", PUBLISHED) : answer(type, SENT);
  }

  #receive(): string | Promise<string> {
    return this.#ready.shift() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function answer(type: string, body: string): object {
  return { statusCode: 200, headers: { "content-type": type }, body: Buffer.from(body) };
}

const entries = Array.from({ length: IN_ONE_CALL }, (_, at) => ({
  Id: `${at}`,
  MessageId: `m${at}`,
}));
const SENT = JSON.stringify({ MessageId: "m", Successful: entries, Failed: [] });
const PUBLISHED =
  '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>';

/** A receive's answer with so many messages, the first of which has this number. */
export function received(from: number): string {
  const text = (StringValue: string): object => ({ DataType: "String", StringValue });
  const Messages = Array.from({ length: IN_ONE_CALL }, (_, at) => ({
    MessageId: `m${from + at}`,
    ReceiptHandle: `r${from + at}`,
    Body: BODY,
    Attributes: { SentTimestamp: "1700000000000" },
    MessageAttributes: {
      "event-type": text("order.placed"),
      traceparent: text(traceparentOf(from + at)),
    },
  }));
  return JSON.stringify({ Messages });
}
