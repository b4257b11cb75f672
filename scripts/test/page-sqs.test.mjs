import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { deadLetterOf, processMessage, traced } from "throughline/sqs";
import { elasticmq, fauxqs } from "../../packages/throughline/test/sqs-servers.ts";
import { openPage } from "./page.mjs";
import { application } from "./page-application.mjs";

// The examples of docs/sqs.md, as they stand on that page, on two emulators. Which server and as whom
// is no part of them: the SDK finds that in the environment, as it does in Lambda or on ECS.

const region = "eu-west-1";

for (const server of [fauxqs, elasticmq]) {
  describe(`docs/sqs.md on ${server.name}`, { skip: server.skip, timeout: 60_000 }, () => {
    let app;
    let page;
    let sqs;
    const clients = [];
    const environment = {
      AWS_ENDPOINT_URL: server.endpoint,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_REGION: region,
    };
    const replaced = Object.keys(environment).map((name) => [name, process.env[name]]);

    before(() => {
      Object.assign(process.env, environment);
      app = application();
      page = openPage("docs/sqs.md");
      sqs = opened(traced(new SQSClient({ region })));
    });
    after(async () => {
      for (const [name, value] of replaced) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      for (const client of clients) client.destroy();
      page.close();
      await app.observed.shutdown();
    });

    function opened(client) {
      clients.push(client);
      return client;
    }
    async function makeQueue() {
      const QueueName = `orders-${randomUUID()}`;
      const created = await sqs.send(new CreateQueueCommand({ QueueName }));
      // The SDK asks whom the URL names, and fauxqs names itself by a host that not every machine finds.
      const QueueUrl = new URL(new URL(created.QueueUrl).pathname, server.endpoint).href;
      return { QueueUrl, QueueName, whole: wholeOf(QueueName) };
    }
    const wholeOf = (queue) => (name) => [
      name,
      `process ${queue}`,
      `send ${queue}`,
      "POST /orders",
    ];
    const sendTo = ({ QueueUrl }, MessageBody) => {
      return app.request(() => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody })));
    };
    async function receive({ QueueUrl }) {
      const asked = { QueueUrl, WaitTimeSeconds: 10 };
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(asked));
      assert.equal(Messages.length, 1);
      return Messages[0];
    }
    async function countIn({ QueueUrl }) {
      const AttributeNames = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
      ];
      const asked = new GetQueueAttributesCommand({ QueueUrl, AttributeNames });
      const { Attributes } = await sqs.send(asked);
      return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name]), 0);
    }

    test("the first example sends a message, handles it in its sender's trace, and deletes it there", async () => {
      const run = await page.example("new ReceiveMessageCommand({ QueueUrl })");
      const queue = await makeQueue();
      const made = {};
      const charge = app.handler("charge", ({ Body }) => Body);
      // Outside of any span, as the page says: that of the send is the root.
      await run({ QueueUrl: queue.QueueUrl, charge }, made);
      opened(made.sqs);
      const whole = queue.whole("charge").slice(0, -1);
      assert.deepEqual(app.lines("charge"), [whole]);
      assert.deepEqual(app.lines(`delete ${queue.QueueName}`), [
        [`delete ${queue.QueueName}`, ...whole.slice(2)],
      ]);
      assert.deepEqual(app.handled, [{ name: "charge", order: "order-7" }]);
      assert.equal(await countIn(queue), 0);
    });

    test("the example of sqs-consumer handles what arrives in its sender's trace", async () => {
      const run = await page.example("Consumer.create(traced(");
      const queue = await makeQueue();
      const made = {};
      const charge = app.handler("consumed", ({ Body }) => Body);
      await sendTo(queue, "43");
      await run({ queueUrl: queue.QueueUrl, charge }, made);
      await once(made.consumer, "response_processed");
      const stopped = once(made.consumer, "stopped");
      made.consumer.stop({ abort: true });
      await stopped;
      assert.deepEqual(app.lines("consumed"), [queue.whole("consumed")]);
      assert.equal(await countIn(queue), 0, "what was handled was not deleted");
    });

    test("the example of dead letters tries three times, and parks the message in the last attempt's own trace", async () => {
      const run = await page.example("withRetries(");
      const [queue, letters] = [await makeQueue(), await makeQueue()];
      const made = {};
      const charge = app.handler("tried", ({ Body }) => Body);
      await run({ sqs, letters: letters.QueueUrl, charge }, made);
      await sendTo(queue, "unpaid");
      await made.resilient(await receive(queue));
      const letter = await receive(letters);
      await processMessage(
        letter,
        app.handler("notified", () => "letter"),
      );
      const tried = queue.whole("tried");
      assert.deepEqual(app.lines("tried"), [tried, tried, tried]);
      const { QueueName } = letters;
      assert.deepEqual(app.lines("notified"), [
        ["notified", `process ${QueueName}`, `send ${QueueName}`, ...tried.slice(1)],
      ]);
      assert.equal(deadLetterOf(letter).destination, queue.QueueName);
      assert.equal(app.observed.open().length, 0);
    });

    // ElasticMQ has no SNS.
    if (server === elasticmq) return;
    test("the example of SNS reaches a queue in its publisher's trace, raw and in an envelope", async () => {
      const run = await page.example("new PublishCommand(");
      const bare = opened(new SNSClient({ region }));
      const Name = `orders-${randomUUID()}`;
      const { TopicArn } = await bare.send(new CreateTopicCommand({ Name }));
      const made = {};
      const queues = [await makeQueue(), await makeQueue()];
      for (const [at, { QueueUrl }] of queues.entries()) {
        const asked = { QueueUrl, AttributeNames: ["QueueArn"] };
        const { Attributes } = await sqs.send(new GetQueueAttributesCommand(asked));
        const subscription = { TopicArn, Protocol: "sqs", Endpoint: Attributes.QueueArn };
        const raw = { Attributes: { RawMessageDelivery: String(at === 0) } };
        await bare.send(new SubscribeCommand({ ...subscription, ...raw }));
      }
      await app.request(() => run({ TopicArn }, made));
      opened(made.sns);
      const [raw, wrapped] = [await receive(queues[0]), await receive(queues[1])];
      assert.equal(raw.Body, "order-7");
      assert.equal(JSON.parse(wrapped.Body).Message, "order-7");
      const notify = app.handler("notified of", ({ Body }) => Body);
      for (const message of [raw, wrapped]) await processMessage(message, notify);
      assert.deepEqual(
        app.lines("notified of"),
        queues.map(({ QueueName }) => [
          "notified of",
          `process ${QueueName}`,
          `send ${Name}`,
          "POST /orders",
        ]),
      );
    });
  });
}
