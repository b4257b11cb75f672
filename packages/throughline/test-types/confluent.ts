// traced() gives back the type it was given, for whichever client of either interface.
import { KafkaJS, RdKafka } from "@confluentinc/kafka-javascript";
import { deadLetter, injectContext, traced, withRetries } from "throughline/confluent";

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const kafka = new KafkaJS.Kafka({ kafkaJS: { brokers: ["127.0.0.1:9092"] } });
const tracedKafka = traced(kafka);
same<typeof tracedKafka, KafkaJS.Kafka>(true);

const producer = traced(kafka.producer());
same<typeof producer, KafkaJS.Producer>(true);

const consumer = traced(kafka.consumer({ kafkaJS: { groupId: "payments" } }));
same<typeof consumer, KafkaJS.Consumer>(true);

const classicProducer = traced(new RdKafka.Producer({}));
same<typeof classicProducer, RdKafka.Producer>(true);

const highLevel = traced(new RdKafka.HighLevelProducer({}));
same<typeof highLevel, RdKafka.HighLevelProducer>(true);

const classicConsumer = traced(new RdKafka.KafkaConsumer({}, {}));
same<typeof classicConsumer, RdKafka.KafkaConsumer>(true);

class OwnKafka extends KafkaJS.Kafka {
  readonly region: string = "eu";
}
const own = traced(new OwnKafka({}));
same<typeof own, OwnKafka>(true);

// Each interface has a dead letter of its own shape, which its producer takes.
export async function park(payload: KafkaJS.EachMessagePayload, message: RdKafka.Message) {
  const error = new Error("declined");
  await producer.send({ topic: "dlq", messages: [deadLetter(payload.message, error)] });
  const { key, value, headers } = deadLetter(message, error);
  classicProducer.produce("dlq", null, value, key, null, undefined, headers);
  same<typeof headers, RdKafka.MessageHeader[]>(true);
}

void consumer.run({
  eachMessage: withRetries(async ({ message }: KafkaJS.EachMessagePayload) => void message.value, {
    deadLetter: (letter) => producer.send({ topic: "dlq", messages: [letter] }),
  }),
});
export const listener: (message: RdKafka.Message) => unknown = withRetries(
  async (message: RdKafka.Message) => void message.topic,
  {
    deadLetter: ({ key, value, headers }) =>
      classicProducer.produce("dlq", null, value, key, null, undefined, headers),
  },
);

const objectHeaders = injectContext({ tenant: "a" });
same<typeof objectHeaders, KafkaJS.IHeaders>(true);
const listHeaders = injectContext([{ tenant: "a" }]);
same<typeof listHeaders, RdKafka.MessageHeader[]>(true);

// @ts-expect-error an admin client sends and receives no message
traced(kafka.admin());

// @ts-expect-error a relation of that name does not exist
traced(kafka, { relation: "sibling" });
