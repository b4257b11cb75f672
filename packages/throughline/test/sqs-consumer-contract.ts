import type { Message } from "@aws-sdk/client-sqs";
import { Consumer, type ConsumerOptions } from "sqs-consumer";
import * as sqsConsumer from "throughline/sqs-consumer";
import * as sqs from "throughline/sqs";
import type { ClientFunctions, Consuming, ContractClient, Wrap } from "throughline/testing";
import { blanked, message, readMessage, SqsQueues, type SqsOptions } from "./sqs-contract.ts";

/** How the contract suite speaks with sqs-consumer, whose options an application holds; it sends by the SDK. */
export function sqsConsumerContract(options: SqsOptions): ContractClient {
  return {
    name: options.name,
    system: "aws_sqs",
    functions: { ...sqsConsumer, traced },
    open: async (wrap) => new ConsumerConnection(wrap, options),
    headers(list) {
      return Object.fromEntries(
        list.map(([name, text]) => [name, { DataType: "String", StringValue: text }]),
      );
    },
    message,
    read: readMessage,
    headersOf: (consumed) => (consumed as Message).MessageAttributes ?? {},
    refused: () => ({ ...message({ body: "1" }), MessageBody: "" }),
    comparable: blanked,
  };
}

const traced: ClientFunctions["traced"] = (client: object, options?: sqs.Options) =>
  "queueUrl" in client
    ? sqsConsumer.traced(client as ConsumerOptions, options)
    : sqs.traced(client as never, options);

class ConsumerConnection extends SqsQueues {
  readonly clients: readonly object[];
  private readonly wrap: Wrap;
  private readonly consumers = new Map<string, Consumer>();

  constructor(wrap: Wrap, { config }: SqsOptions) {
    super(wrap, config);
    this.wrap = wrap;
    this.clients = [this.client];
  }

  async consume(queue: string, { each, batch, retries, failed }: Consuming): Promise<void> {
    const handler = (one: Message): Promise<undefined> => each?.(one, one) as Promise<undefined>;
    const tried = retries === undefined ? handler : sqsConsumer.withRetries(handler, retries);
    const options: ConsumerOptions = {
      queueUrl: await this.urlOf(queue),
      sqs: this.client,
      waitTimeSeconds: 1,
      suppressFifoWarning: true,
      messageAttributeNames: ["All"],
      messageSystemAttributeNames: ["All"],
      terminateVisibilityTimeout: failed === undefined,
      alwaysAcknowledge: true,
      ...(batch === undefined
        ? // One at a time: it handles what it receives side by side, and a FIFO queue's order is lost.
          { batchSize: 1, handleMessage: tried }
        : {
            batchSize: 10,
            handleMessageBatch: (messages) => batch(messages, messages) as Promise<Message[]>,
          }),
    };
    const consumer = Consumer.create(this.wrap(options));
    const report = ({ cause }: Error): void => {
      if (failed === undefined) return;
      // The message would come again in another claim's time.
      consumer.stop();
      failed(cause);
    };
    consumer.on("processing_error", (error) => report(error));
    consumer.on("error", (error) => report(error));
    this.consumers.set(queue, consumer);
    consumer.start();
  }

  protected async stop(queue: string): Promise<void> {
    const consumer = this.consumers.get(queue);
    if (consumer?.status.isRunning !== true) return;
    const idle = new Promise((resolve) => consumer.once("stopped", () => resolve(undefined)));
    consumer.stop({ abort: true });
    await idle;
  }

  override async close(): Promise<void> {
    await Promise.all([...this.consumers.keys()].map((queue) => this.stop(queue)));
    await super.close();
  }
}
