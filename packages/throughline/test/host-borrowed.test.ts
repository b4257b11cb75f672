// A method of a traced client is an application's to borrow: kafkajs's clients are closures, so
// that theirs work wherever they are put.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import { traced } from "throughline/kafkajs";
import { tracing } from "./sdk.ts";
import { carried, record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

const message = () => ({ topic: "orders", messages: [{ value: "1" }] });

test("a producer's send works, once and with its context, wherever it is put", async (t) => {
  const { shutdown, spans } = tracing();
  t.after(shutdown);
  const outgoing = stubProducer(async () => "sent");
  const producer = traced(outgoing.client);
  class Queue {
    readonly publish = producer.send;
    readonly send = producer.send;
  }
  const { send } = producer;
  const borrowed = [
    send,
    send.bind({}),
    (given: Parameters<typeof send>[0]) => ({ send }).send(given),
    (given: Parameters<typeof send>[0]) => new Queue().publish(given),
    (given: Parameters<typeof send>[0]) => new Queue().send(given),
    (given: Parameters<typeof send>[0]) => Reflect.apply(send, undefined, [given]) as unknown,
  ];
  for (const each of borrowed) assert.equal(await each(message()), "sent");
  assert.equal(outgoing.calls.length, borrowed.length);
  assert.deepEqual(
    outgoing.messages().map((sent) => carried(sent).spanId),
    spans().map((span) => span.spanContext().spanId),
  );
});

test("the other methods of producer and consumer work just so", async (t) => {
  const { shutdown } = tracing();
  t.after(shutdown);
  const outgoing = stubProducer();
  const producer = traced(outgoing.client);
  const own = { sendBatch: producer.sendBatch, transaction: producer.transaction };
  await own.sendBatch({ topicMessages: [message()] });
  const begun = await own.transaction();
  await begun.send(message());
  assert.equal(outgoing.messages().filter((sent) => carried(sent)).length, 2);

  const incoming = stubConsumer();
  const consumer = traced(incoming.client);
  const loop = { run: consumer.run, commitOffsets: consumer.commitOffsets };
  let handled = 0;
  await loop.run({ eachMessage: async () => void (handled += 1) });
  await loop.commitOffsets([{ topic: "orders", partition: 0, offset: "1" }]);
  await incoming.deliver(record());
  assert.equal(handled, 1);
});

test("a real Kafka's own methods need their Kafka, with us as without", () => {
  const bare = new Kafka({ brokers: ["127.0.0.1:9"], logLevel: logLevel.NOTHING });
  const kafka = traced(bare);
  const stranger = { producer: kafka.producer, consumer: kafka.consumer };
  const without = { producer: bare.producer };
  assert.throws(() => without.producer(), TypeError);
  assert.throws(() => stranger.producer(), TypeError);
  assert.throws(() => stranger.consumer({ groupId: "payments" }), TypeError);
  assert.equal(typeof kafka.producer().send, "function");
});
