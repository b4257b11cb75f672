// traced() gives back the type it was given, for whatever serializers a user has.
import {
  Admin,
  Consumer,
  type Message,
  Producer,
  stringDeserializers,
  stringSerializers,
} from "@platformatic/kafka";
import {
  deadLetter,
  injectContext,
  processMessage,
  traced,
  withRetries,
} from "throughline/platformatic";

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const base = { clientId: "types", bootstrapBrokers: ["127.0.0.1:9092"] };

const producer = traced(new Producer(base));
same<typeof producer, Producer>(true);

const text = traced(new Producer({ ...base, serializers: stringSerializers }));
same<typeof text, Producer<string, string, string, string>>(true);

const consumer = traced(
  new Consumer({ ...base, groupId: "g", deserializers: stringDeserializers }),
);
same<typeof consumer, Consumer<string, string, string, string>>(true);

class OwnProducer extends Producer {
  readonly region: string = "eu";
}
const own = traced(new OwnProducer(base));
same<typeof own, OwnProducer>(true);

export async function consume(): Promise<void> {
  for await (const message of await consumer.consume({ topics: ["orders"] })) {
    const length = await processMessage(message, async ({ value }) => value.length);
    same<typeof length, number>(true);
    const letter = deadLetter(message, new Error("parked"));
    await text.send({ messages: [{ ...letter, topic: "orders.dlq" }] });
  }
}

const charge = async (message: Message<string, string, string, string>): Promise<number> =>
  message.value.length;
const resilient = withRetries(charge, {
  deadLetter: (letter) => text.send({ messages: [{ ...letter, topic: "orders.dlq" }] }),
});
same<
  typeof resilient,
  (message: Message<string, string, string, string>) => Promise<number | undefined>
>(true);

const headers = injectContext(new Map([["tenant", "a"]]));
same<typeof headers, Map<string, string>>(true);

// @ts-expect-error an admin client sends and receives no message
traced(new Admin(base));

// @ts-expect-error a relation of that name does not exist
traced(consumer, { relation: "sibling" });
