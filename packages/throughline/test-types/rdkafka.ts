// traced() gives back the type it was given, for whatever of node-rdkafka's clients a user holds.
import { HighLevelProducer, KafkaConsumer, type Message, Producer } from "node-rdkafka";
import { deadLetter, traced, withRetries } from "throughline/rdkafka";

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const producer = traced(new Producer({}));
same<typeof producer, Producer>(true);

const highLevel = traced(new HighLevelProducer({}));
same<typeof highLevel, HighLevelProducer>(true);

const consumer = traced(new KafkaConsumer({}, {}));
same<typeof consumer, KafkaConsumer>(true);

export const listener: (message: Message) => unknown = withRetries(
  async (message: Message) => void message.topic,
  {
    deadLetter: ({ key, value, headers }) =>
      producer.produce("dlq", null, value, key, null, undefined, headers),
  },
);

export function park(message: Message): void {
  const { key, value, headers } = deadLetter(message, new Error("declined"));
  producer.produce("dlq", null, value, key, null, undefined, headers);
}

// @ts-expect-error a read stream is no client: processMessage takes its messages
traced(KafkaConsumer.createReadStream({}, {}, { topics: ["orders"] }));

// @ts-expect-error a relation of that name does not exist
traced(consumer, { relation: "sibling" });
