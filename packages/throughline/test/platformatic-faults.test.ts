import {
  Consumer,
  type Message,
  type MessagesStream,
  Producer,
  stringDeserializers,
  stringSerializers,
} from "@platformatic/kafka";
import { processMessage, traced } from "throughline/platformatic";
import { type OpenFlow, outageTests, SESSION_TIMEOUT_MS, type Wrap } from "./kafka-outage.ts";

type Text = Message<string, string, string, string>;
type Handler = (value: string) => Promise<void>;

/** Sends by promise; reads the stream in a loop, and commits each message that was handled. */
const looped: OpenFlow = async (wrap, servers, topic, groupId) => {
  // Patient enough for a broker that is away for a while.
  const base = {
    clientId: "outage",
    bootstrapBrokers: servers.split(","),
    retries: 200,
    retryDelay: 200,
  };
  const producer = wrap(new Producer({ ...base, serializers: stringSerializers }));
  const bare = new Consumer({
    ...base,
    groupId,
    deserializers: stringDeserializers,
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: 1_000,
  });
  const consumer = wrap(bare);
  const handle = (message: Text, handler: Handler): Promise<void> =>
    consumer === bare
      ? handler(message.value)
      : processMessage(message, ({ value }) => handler(value));
  const handled = new Map<number, Text>();
  const closing = new AbortController();
  let stream: MessagesStream<string, string, string, string> | undefined;
  let ended: Promise<void> | undefined;

  async function read(handler: Handler): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        stream = await consumer.consume({
          topics: [topic],
          mode: "committed",
          fallbackMode: "earliest",
          autocommit: false,
          maxWaitTime: 200,
        });
        for await (const message of stream) {
          await handle(message, handler);
          handled.set(message.partition, message);
          // The client puts commits together; one that fails is made up for by a later one.
          Promise.resolve(message.commit()).catch(() => {});
        }
      } catch {
        // A stream ends with the connection that failed; what was not committed is read again.
      }
    }
  }
  return {
    send: (value, partition) =>
      producer.send({ messages: [{ topic, value, partition }], acks: -1 }),
    async consume(handler) {
      ended = read(handler);
    },
    async settle() {
      // Not by the traced consumer: a commit that comes too early would be a span that failed.
      await bare.commit({
        offsets: [...handled.values()].map(({ partition, offset, leaderEpoch }) => ({
          topic,
          partition,
          offset: offset + 1n,
          leaderEpoch,
        })),
      });
    },
    async close() {
      closing.abort();
      await stream?.close();
      await ended;
      await Promise.all([consumer.close(true), producer.close(true)]);
    },
  };
};

outageTests({ "@platformatic/kafka": looped }, traced as unknown as Wrap);
