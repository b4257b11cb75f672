// Every property that AMQP has on its way through both clients, on a real RabbitMQ: what is sent is what
// is sent without us, and a dead letter keeps what it may keep.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { type Channel, type ChannelModel, connect, type Message, type Options } from "amqplib";
import { Connection, type Envelope, type Publisher, type SyncMessage } from "rabbitmq-client";
import * as amqplib from "throughline/amqplib";
import * as rabbitmqClient from "throughline/rabbitmq-client";
import { type Tracing, tracing } from "./sdk.ts";

const url = process.env["AMQP_URL"];
const skip = url === undefined && "no RabbitMQ: set AMQP_URL, or apt-get install rabbitmq-server";

let observed: Tracing;
beforeEach(() => void (observed = tracing()));
afterEach(() => observed.shutdown());

/** All of them but the two that say where to, and the headers. The user must be the connection's own. */
const PROPERTIES = {
  contentType: "application/json",
  contentEncoding: "identity",
  priority: 3,
  correlationId: "talk-1",
  replyTo: "answers",
  expiration: "60000",
  messageId: "id-1",
  timestamp: 1_545_082_649,
  type: "order",
  userId: "guest",
  appId: "shop",
};
/** A dead letter that expires is lost, and RabbitMQ refuses another's user. */
const KEPT = without(PROPERTIES, "expiration", "userId");
const SENT_MS = PROPERTIES.timestamp * 1000;

function without(from: object, ...names: string[]): object {
  return Object.fromEntries(Object.entries(from).filter(([name]) => !names.includes(name)));
}
const withoutTrace = (headers: object | undefined): object => without(headers ?? {}, "traceparent");

describe("amqplib", { skip, timeout: 30_000 }, () => {
  let connection: ChannelModel;
  let bare: Channel;
  let channel: Channel;
  before(async () => {
    connection = await connect(url ?? "");
    bare = await connection.createChannel();
    channel = amqplib.traced(await connection.createChannel());
  });
  after(() => connection?.close());

  async function queue(): Promise<string> {
    const { queue: name } = await channel.assertQueue("", { exclusive: true });
    return name;
  }
  async function got(from: string): Promise<Message> {
    // Answered on the same channel, and so when the queues have what was sent on it.
    await channel.checkQueue(from);
    await bare.checkQueue(from);
    const message = await channel.get(from, { noAck: true });
    return message === false ? assert.fail(`nothing in ${from}`) : message;
  }

  test("each property of a message goes out as without us, and to whom else it says", async () => {
    const [orders, copies, blind] = [await queue(), await queue(), await queue()];
    for (const persistence of [{ persistent: true }, { deliveryMode: 2 }, {}]) {
      const options: Options.Publish = {
        ...PROPERTIES,
        ...persistence,
        CC: copies,
        BCC: [blind],
        headers: { tenant: "a" },
      };
      const seen: unknown[] = [];
      for (const each of [bare, channel]) {
        each.sendToQueue(orders, Buffer.from("1"), options);
        for (const from of [orders, copies, blind]) {
          const { properties, content } = await got(from);
          const headers = withoutTrace(properties.headers);
          seen.push([content.toString(), { ...properties, headers }]);
        }
      }
      assert.deepEqual(seen.slice(3), seen.slice(0, 3));
    }
  });

  test("a mandatory message that no queue takes is returned", async () => {
    const returned = once(channel, "return");
    channel.publish("", `nobody-${randomUUID()}`, Buffer.from("1"), { mandatory: true });
    const [message] = (await returned) as [Message];
    assert.equal(message.content.toString(), "1");
  });

  test("a dead letter keeps a message's properties, but for how long it lives and whose it is", async () => {
    const [orders, letters] = [await queue(), await queue()];
    channel.sendToQueue(orders, Buffer.from("1"), { ...PROPERTIES, deliveryMode: 2 });
    const { content, headers, ...kept } = amqplib.deadLetter(
      await got(orders),
      new Error("declined"),
    );
    assert.deepEqual(kept, { ...KEPT, deliveryMode: 2 });
    channel.sendToQueue(letters, content, { ...kept, headers });
    const letter = await got(letters);
    assert.equal(letter.properties.expiration, undefined);
    assert.equal(amqplib.deadLetterOf(letter)?.timestampMs, SENT_MS);
  });
});

describe("rabbitmq-client", { skip, timeout: 30_000 }, () => {
  let connection: Connection;
  let bare: Connection;
  before(() => {
    [bare, connection] = [new Connection(url), rabbitmqClient.traced(new Connection(url))];
  });
  const publishers: Publisher[] = [];
  after(async () => {
    await Promise.all(publishers.map((each) => each.close()));
    await Promise.all([connection?.close(), bare?.close()]);
  });

  function publishing(of: Connection): Publisher {
    const publisher = of.createPublisher({ confirm: true });
    publishers.push(publisher);
    return publisher;
  }

  async function queue(): Promise<string> {
    const name = `properties-${randomUUID()}`;
    await connection.queueDeclare({ queue: name, durable: false });
    return name;
  }
  async function got(from: string): Promise<SyncMessage> {
    const message = await connection.basicGet({ queue: from, noAck: true });
    return message ?? assert.fail(`nothing in ${from}`);
  }
  const sent = { ...PROPERTIES, durable: true, headers: { tenant: "a" } };

  test("each property of a message goes out as without us", async () => {
    const orders = await queue();
    const seen: object[] = [];
    for (const each of [bare, connection]) {
      const publisher = publishing(each);
      await publisher.send({ ...sent, routingKey: orders }, Buffer.from("1"));
      const message = await got(orders);
      const headers = withoutTrace(message.headers);
      seen.push({ ...without(message, "deliveryTag"), headers });
    }
    assert.deepEqual(seen[1], seen[0]);
  });

  test("headers in a list are what the client makes of them without us", async () => {
    const orders = await queue();
    const seen: unknown[] = [];
    for (const each of [bare, connection]) {
      const publisher = publishing(each);
      const envelope = { routingKey: orders, headers: ["a"] } as unknown as Envelope;
      const outcome = await publisher.send(envelope, Buffer.from("1")).catch(String);
      seen.push([outcome, (await connection.basicGet({ queue: orders, noAck: true }))?.headers]);
    }
    assert.deepEqual(seen[1], seen[0]);
  });

  test("a dead letter keeps a message's properties, but for how long it lives and whose it is", async () => {
    const [orders, letters] = [await queue(), await queue()];
    const publisher = publishing(connection);
    await publisher.send({ ...sent, routingKey: orders }, Buffer.from("1"));
    const { body, headers, ...kept } = rabbitmqClient.deadLetter(
      await got(orders),
      new Error("declined"),
    );
    assert.deepEqual(kept, { ...KEPT, durable: true });
    await publisher.send({ ...kept, headers, routingKey: letters }, body);
    const letter = await got(letters);
    assert.equal(letter.expiration, undefined);
    assert.equal(rabbitmqClient.deadLetterOf(letter)?.timestampMs, SENT_MS);
  });
});
