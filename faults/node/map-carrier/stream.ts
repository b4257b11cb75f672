import { Consumer, type Message, stringDeserializers } from "@platformatic/kafka";
import { brokers, orders } from "../shop.ts";

type Text = Message<string, string, string, string>;

/**
 * The orders as @platformatic/kafka delivers them; ends after so many. A real Kafka is needed: the
 * embedded one takes this client's request to join a group for a broken one.
 */
export async function* stream(count: number): AsyncGenerator<Text> {
  const consumer = new Consumer({
    clientId: "shop",
    groupId: `${orders}-platformatic`,
    bootstrapBrokers: brokers,
    deserializers: stringDeserializers,
  });
  const messages = await consumer.consume({ topics: [orders], mode: "earliest", maxWaitTime: 100 });
  let left = count;
  for await (const message of messages) {
    yield message;
    if (--left === 0) break;
  }
  await consumer.close(true);
}
