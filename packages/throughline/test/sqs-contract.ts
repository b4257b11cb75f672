import { randomUUID } from "node:crypto";
import {
  ChangeMessageVisibilityBatchCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SendMessageCommand,
  SQS,
  SQSClient,
  type SQSClientConfig,
} from "@aws-sdk/client-sqs";
import * as sqs from "throughline/sqs";
import type {
  Connection,
  Consuming,
  ContractClient,
  MessageParts,
  Wrap,
} from "throughline/testing";

/** How the contract suite speaks with the SDK's client, on whichever emulator. */
export interface SqsOptions {
  readonly name: string;
  readonly config: SQSClientConfig;
}

type Attributes = Record<string, MessageAttributeValue>;

/** How long one poll waits for messages, in seconds; the shortest that SQS has. */
const WAIT_S = 1;

/** FIFO queues: a lane is a message group, which is handled in order. */
export function sqsContract(options: SqsOptions): ContractClient {
  return {
    name: options.name,
    system: "aws_sqs",
    functions: sqs,
    open: async (wrap) => new SqsConnection(wrap, options),
    headers(list) {
      return Object.fromEntries(
        list.map(([name, text]) => [name, { DataType: "String", StringValue: text }]),
      );
    },
    message,
    read: readMessage,
    headersOf: (consumed) => (consumed as Message).MessageAttributes ?? {},
    refused: () => ({ ...message({ body: "1" }), MessageBody: "" }),
    comparable: (result) => blanked(result),
  };
}

let sent = 0;

/** As an application makes it: what is spread into a command's input, or an entry of a batch. */
export function message({ body, headers, lane = 0 }: MessageParts): SendMessageBatchRequestEntry {
  sent += 1;
  return {
    Id: `message-${sent}`,
    MessageBody: body ?? undefined,
    MessageAttributes: (headers ?? {}) as Attributes,
    MessageGroupId: String(lane),
    MessageDeduplicationId: randomUUID(),
  };
}

export function readMessage(consumed: object): ReturnType<ContractClient["read"]> {
  const { Body, MessageAttributes = {} } = consumed as Message;
  return {
    body: Body ?? null,
    headers: Object.entries(MessageAttributes).map(
      ([name, { StringValue }]) => [name, StringValue ?? null] as const,
    ),
  };
}

/** What differs from send to send: ids, and the checksum of attributes, of which there are more. */
export function blanked(result: unknown): unknown {
  const varying = /^(MessageId|SequenceNumber|requestId|extendedRequestId|Id)$/;
  return JSON.parse(
    JSON.stringify(result, (name, value: unknown) => {
      if (name === "MD5OfMessageAttributes") return undefined;
      return varying.test(name) ? typeof value : value;
    }),
  );
}

/** Queues that are made, sent to and asked by the SDK's client. */
export abstract class SqsQueues implements Connection {
  abstract readonly clients: readonly object[];
  protected readonly client: SQSClient;
  protected readonly config: SQSClientConfig;
  /** Settles too: a span of that may end after the claim that it belongs to. */
  protected readonly bare: SQSClient;
  private readonly urls = new Map<string, string>();

  constructor(wrap: Wrap, config: SQSClientConfig) {
    this.config = config;
    this.bare = new SQSClient(config);
    this.client = wrap(new SQSClient(config));
  }

  abstract consume(queue: string, consuming: Consuming): Promise<void>;
  protected abstract stop(queue: string): Promise<void>;

  destination(): Promise<string> {
    return this.queue({});
  }

  hastyDestination(): Promise<string> {
    return this.queue({ VisibilityTimeout: "1" });
  }

  private async queue(attributes: Record<string, string>): Promise<string> {
    const QueueName = `contract-${randomUUID()}.fifo`;
    const Attributes = { FifoQueue: "true", ...attributes };
    const { QueueUrl = "" } = await this.bare.send(
      new CreateQueueCommand({ QueueName, Attributes }),
    );
    return QueueUrl.slice(QueueUrl.lastIndexOf("/") + 1);
  }

  /** The URL of a queue by its name. */
  protected async urlOf(QueueName: string): Promise<string> {
    const known = this.urls.get(QueueName);
    if (known !== undefined) return known;
    const { QueueUrl = "" } = await this.bare.send(new GetQueueUrlCommand({ QueueName }));
    this.urls.set(QueueName, QueueUrl);
    return QueueUrl;
  }

  send(queue: string, messages: readonly object[]): Promise<unknown> {
    return this.urlOf(queue).then((url) => this.sendTo(url, messages));
  }

  private sendTo(QueueUrl: string, messages: readonly object[]): Promise<unknown> {
    const [first] = messages;
    if (messages.length > 1) {
      const Entries = messages as SendMessageBatchRequestEntry[];
      return this.client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    }
    // A dead letter has no group of its own.
    const { Id: _, ...input } = { MessageGroupId: "0", ...(first as SendMessageBatchRequestEntry) };
    const MessageDeduplicationId = input.MessageDeduplicationId ?? randomUUID();
    return this.client.send(new SendMessageCommand({ QueueUrl, ...input, MessageDeduplicationId }));
  }

  async sendFailing(queue: string, messages: readonly object[]): Promise<unknown> {
    const url = await this.urlOf(queue);
    return this.sendTo(url.replace(/\.fifo$/, "-gone.fifo"), messages);
  }

  async settled(queue: string): Promise<unknown> {
    await this.stop(queue);
    const QueueUrl = await this.urlOf(queue);
    const { Attributes } = await this.bare.send(
      new GetQueueAttributesCommand({
        QueueUrl,
        AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
      }),
    );
    return Attributes;
  }

  async close(): Promise<void> {
    this.client.destroy();
    this.bare.destroy();
  }
}

/** An application's own loop over receive, as the SDK's users write it. */
class SqsConnection extends SqsQueues {
  readonly clients: readonly object[];
  private readonly isTraced: boolean;
  private readonly loops = new Map<string, { stop: AbortController; ended: Promise<void> }>();

  constructor(wrap: Wrap, { config }: SqsOptions) {
    super(wrap, config);
    const aggregated = new SQS(config);
    this.isTraced = wrap(aggregated) !== aggregated;
    this.clients = [this.client, wrap(aggregated)];
  }

  async consume(queue: string, consuming: Consuming): Promise<void> {
    const stop = new AbortController();
    const ended = this.poll(await this.urlOf(queue), consuming, stop.signal);
    this.loops.set(queue, { stop, ended });
  }

  private async poll(QueueUrl: string, consuming: Consuming, stop: AbortSignal): Promise<void> {
    const receive = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: WAIT_S,
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: ["All"],
    });
    while (!stop.aborted) {
      const received = await this.client
        .send(receive, { abortSignal: stop })
        .catch((error: unknown) => {
          if (stop.aborted) return undefined;
          throw error;
        });
      const { Messages = [] } = received ?? {};
      if (Messages.length > 0) await this.handle(QueueUrl, Messages, consuming);
    }
  }

  private async handle(
    QueueUrl: string,
    messages: readonly Message[],
    consuming: Consuming,
  ): Promise<void> {
    const { batch } = consuming;
    if (batch !== undefined) {
      const work = (): unknown => batch(messages, messages);
      await this.settling(QueueUrl, messages, () =>
        this.isTraced ? sqs.processBatch(messages, work) : work(),
      );
      return;
    }
    const groupOf = ({ Attributes }: Message): string => Attributes?.MessageGroupId ?? "";
    const groups = [...new Set(messages.map(groupOf))].map((id) =>
      messages.filter((each) => groupOf(each) === id),
    );
    const work = groups.map(async (group) => {
      for (const [at, one] of group.entries()) {
        const done = await this.settling(
          QueueUrl,
          group.slice(at),
          () => this.one(one, consuming),
          one,
        );
        if (!done) return;
      }
    });
    await Promise.all(work);
  }

  private one(one: Message, { each, retries }: Consuming): unknown {
    const handler = (of: Message): unknown => each?.(of, of);
    const retried = retries === undefined ? handler : sqs.withRetries(handler, retries);
    return this.isTraced ? sqs.processMessage(one, retried) : retried(one);
  }

  /** Deletes what was handled; what fails is made visible again, with what follows it in its group. */
  private async settling(
    QueueUrl: string,
    messages: readonly Message[],
    work: () => unknown,
    one?: Message,
  ): Promise<boolean> {
    try {
      await work();
    } catch {
      const Entries = messages.map(({ ReceiptHandle }, at) => ({
        Id: String(at),
        ReceiptHandle,
        VisibilityTimeout: 0,
      }));
      await this.bare.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
      return false;
    }
    for (const { ReceiptHandle } of one === undefined ? messages : [one]) {
      await this.bare
        .send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
        .catch((error: Error) => {
          // It took too long, and another has received it: the receipt is worth nothing any more.
          if (error.name !== "ReceiptHandleIsInvalid") throw error;
        });
    }
    return true;
  }

  protected async stop(queue: string): Promise<void> {
    const loop = this.loops.get(queue);
    loop?.stop.abort();
    await loop?.ended;
  }

  override async close(): Promise<void> {
    await Promise.all([...this.loops.keys()].map((queue) => this.stop(queue)));
    await super.close();
  }
}
