// The same, with Throughline: the header that a forwarded record carries is replaced.
import { traced } from "throughline/kafkajs";
import { close, kafka, kafkaOf, orders, placeOrders } from "../shop.ts";
import { providerOf, subscribed, topicOf, work } from "../shop.ts";

const paid = topicOf("paid");
await placeOrders(undefined, [paid]);
const payments = traced(kafka);
const producer = payments.producer();
await producer.connect();

const consumer = await subscribed(payments, orders);
await consumer.run({
  eachMessage: async ({ message: { headers = {}, key, value } }) => {
    await work("charge card");
    await producer.send({ topic: paid, messages: [{ key, value, headers }] });
  },
});

const shipping = await subscribed(
  traced(kafkaOf("shipping"), { tracerProvider: providerOf("shipping") }),
  paid,
);
await shipping.run({ eachMessage: async () => work("pack parcel", "shipping") });
await close(6);
await producer.disconnect();
