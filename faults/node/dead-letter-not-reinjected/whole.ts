// The same, with Throughline: a dead letter stays in its order's trace.
import { deadLetter, traced } from "throughline/kafkajs";
import { close, kafka, kafkaOf, orders, placeOrders } from "../shop.ts";
import { providerOf, subscribed, topicOf, work } from "../shop.ts";

const deadLetters = topicOf("dead");
await placeOrders(undefined, [deadLetters]);
const payments = traced(kafka);
const producer = payments.producer();
await producer.connect();

const consumer = await subscribed(payments, orders);
await consumer.run({
  eachMessage: async ({ message }) => {
    await work("charge card"); // and the bank declines it
    const letter = deadLetter(message, new Error("card declined"));
    await producer.send({ topic: deadLetters, messages: [letter] });
  },
});

const support = await subscribed(
  traced(kafkaOf("support"), { tracerProvider: providerOf("support") }),
  deadLetters,
);
await support.run({ eachMessage: async () => work("call customer", "support") });
await close(6);
await producer.disconnect();
