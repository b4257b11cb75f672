import { once } from "node:events";
import type * as rdkafka from "node-rdkafka";

// The classic interface, with promises where its callbacks answer. Node-rdkafka's types serve for
// Confluent's too, as far as the tests go.

export type Classic = typeof rdkafka;

export type ProducerSettings = NonNullable<ConstructorParameters<Classic["Producer"]>[0]>;

type AnyClient = rdkafka.Producer | rdkafka.KafkaConsumer;

/** What to send, with the parts that produce() takes one by one. */
export interface ClassicMessage {
  readonly value: Buffer | null;
  readonly key?: Buffer | string | null;
  readonly partition?: number | null;
  readonly headers?: rdkafka.MessageHeader[];
}

export async function connected<Client extends AnyClient>(client: Client): Promise<Client> {
  await answered((callback) => client.connect({}, callback as never));
  return client;
}

export function disconnected(client: AnyClient): Promise<void> {
  return new Promise((resolve) => {
    if (!client.isConnected()) resolve();
    else client.disconnect(() => resolve());
  });
}

/** Sends by the high-level interface; resolves to the offset that its callback is told. */
export function produced(
  producer: rdkafka.HighLevelProducer,
  topic: string,
  { value, key = null, partition = null, headers }: ClassicMessage,
): Promise<number | null | undefined> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, offset?: number | null): void =>
      error ? reject(error) : resolve(offset);
    if (headers === undefined) producer.produce(topic, partition, value, key, null, done);
    else producer.produce(topic, partition, value, key, null, headers, done);
  });
}

/** The next event of a client's. */
export async function nextEvent(client: AnyClient, event: string): Promise<unknown[]> {
  return (await once(client, event)) as unknown[];
}

/** Calls a method that answers through a callback. */
export function answered<Answer>(
  call: (callback: (error: object | null, answer?: Answer) => void) => unknown,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    call((error, answer) => {
      if (error instanceof Error) reject(error);
      else resolve(answer as Answer);
    });
  });
}
