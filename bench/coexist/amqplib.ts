import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import type * as client from "amqplib";
import type { Channel, ConsumeMessage } from "amqplib";
import { processMessage, traced } from "throughline/amqplib";
import { answer, taskGiven } from "../child.ts";
import { observe } from "./observed.ts";

const { url } = taskGiven() as { url: string };
const observed = await observe("@opentelemetry/instrumentation-amqplib", "AmqplibInstrumentation");
const { connect } = createRequire(import.meta.url)("amqplib") as typeof client;

const bare = await connect(url);
const connection = traced(bare);
const channels: Channel[] = [
  await connection.createChannel(),
  await connection.createConfirmChannel(),
];
const [channel, confirms] = channels as [Channel, Channel & { waitForConfirms(): Promise<void> }];
const [consumed, got] = [randomUUID(), randomUUID()].map((id) => `coexist-${id}`) as [
  string,
  string,
];
for (const queue of [consumed, got]) await channel.assertQueue(queue, { autoDelete: true });

await observed.request(async () => {
  channel.sendToQueue(consumed, Buffer.from("consumed"));
  confirms.sendToQueue(got, Buffer.from("got"));
  await confirms.waitForConfirms();
});

await new Promise<void>((resolve) => {
  const handler = async (message: ConsumeMessage | null): Promise<void> => {
    if (message === null) return;
    observed.handling("consume");
    await processMessage(message, async () => observed.handling("processMessage in consume"));
    channel.ack(message);
    resolve();
  };
  // oxlint-disable-next-line typescript/no-misused-promises -- void by amqplib's types, and promises in use.
  void channel.consume(consumed, handler);
});
const message = await channel.get(got);
if (message === false) throw new Error("nothing to get");
await processMessage(message, async () => observed.handling("get"));
channel.ack(message);
await connection.close();
answer(observed.seen());
