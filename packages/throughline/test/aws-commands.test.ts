// What is read of a command of the AWS SDK, and what is put in its place: over a client that only takes
// note of what it is given, for no server shows that.
import { propagation, SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import { ReceiveMessageCommand, SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { ConsumerOptions } from "sqs-consumer";
import * as lambda from "throughline/lambda";
import * as sns from "throughline/sns";
import * as sqsFunctions from "throughline/sqs";
import * as sqsConsumer from "throughline/sqs-consumer";
import { sqsEvent, traceparentOf } from "./lambda-events.ts";
import { textAttributes } from "./sqs-queue.ts";
import { type Tracing, tracing } from "./sdk.ts";

const { contextOf, traced } = sqsFunctions;

let sdk: Tracing;
beforeEach(() => {
  sdk = tracing();
});
afterEach(() => sdk.shutdown());

const QueueUrl = "http://127.0.0.1/000000000000/orders";

class Noting {
  readonly middlewareStack = {};
  readonly commands: { input: Record<string, object> }[] = [];
  async send(command: { input: Record<string, object> }): Promise<object> {
    this.commands.push(command);
    return {};
  }
}
/** What a traced client of SQS is given for a command. */
async function givenFor(command: object): Promise<{ input: Record<string, object> } | undefined> {
  const client = new Noting();
  await traced(client as unknown as SQSClient).send(command as SendMessageCommand);
  return client.commands[0];
}
const attributesIn = (input: Record<string, object> | undefined): string[] =>
  Object.keys(input?.["MessageAttributes"] ?? {});

test("a command is known by its schema where a bundle has renamed its class, and by its class where it has no schema", async () => {
  const input = { QueueUrl, MessageBody: "1" };
  const { schema } = new SendMessageCommand(input) as unknown as { schema: unknown };
  assert.ok(schema, "the SDK's commands have no schema any more");
  const renamed = new (class a {
    input = input;
    schema = schema;
  })();
  // As releases of the SDK before 3.900 or so have it.
  const old = new (class SendMessageCommand {
    input = input;
  })();
  for (const command of [renamed, old]) {
    assert.deepEqual(attributesIn((await givenFor(command))?.input), ["traceparent"]);
  }
  const neither = new (class b {
    input = input;
  })();
  assert.equal(await givenFor(neither), neither);
});

test("attributes in a Map, which the SDK does not send, are given to it as they are", async () => {
  const command = { QueueUrl, MessageBody: "1", MessageAttributes: new Map() };
  const sent = new SendMessageCommand(command as never);
  assert.equal(await givenFor(sent), sent);
});

test("a prefix that a receive asks for is not asked for once more by name", async () => {
  const command = new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ["trace.*", "a"] });
  const { input } = (await givenFor(command)) ?? {};
  assert.deepEqual(input?.["MessageAttributeNames"], ["trace.*", "a", "baggage", "dlq"]);
});

test("a topic that is named as a target carries context, an application's endpoint is left alone", async () => {
  const topic = "arn:aws:sns:us-east-1:000000000000:orders";
  const endpoint = "arn:aws:sns:us-east-1:000000000000:endpoint/GCM/shop/5e3e9847-3183-3f18";
  const client = new Noting();
  for (const TargetArn of [topic, endpoint]) {
    const command = new PublishCommand({ TargetArn, Message: "1" });
    await sns.traced(client as unknown as SNSClient).send(command);
  }
  const [toTopic, toEndpoint] = client.commands.map(({ input }) => attributesIn(input));
  assert.deepEqual([toTopic, toEndpoint], [["traceparent"], []]);
  assert.deepEqual(
    sdk.spans().map(({ name }) => name),
    ["send orders"],
  );
});

test("where a message and the notification in its body both have a context the message's own counts, as a set", () => {
  const [outer, inner] = ["1", "2"].map((of) => `00-${of.repeat(32)}-${of.repeat(16)}-01`);
  const published = {
    traceparent: { Type: "String", Value: inner },
    baggage: { Type: "String", Value: "tenant=theirs" },
  };
  const TopicArn = "arn:aws:sns:us-east-1:000000000000:orders";
  const Body = JSON.stringify({ Type: "Notification", TopicArn, MessageAttributes: published });
  const MessageAttributes = textAttributes({ traceparent: String(outer) });
  const context = contextOf({ Body, MessageAttributes });
  assert.equal(trace.getSpanContext(context)?.traceId, "1".repeat(32));
  assert.equal(propagation.getBaggage(context), undefined);
});

test("sqs-consumer's options that are traced before an SDK is registered ask for W3C's fields", async () => {
  const options: ConsumerOptions = { queueUrl: QueueUrl, handleMessage: async () => undefined };
  await sdk.shutdown();
  const { messageAttributeNames } = sqsConsumer.traced(options);
  assert.deepEqual(messageAttributeNames, ["traceparent", "tracestate", "baggage", "dlq"]);
});

test("sqs-consumer is given the bare client of a traced one, for each message is counted once", () => {
  const client = new Noting() as unknown as SQSClient;
  const options = { queueUrl: QueueUrl, handleMessage: async () => undefined, sqs: traced(client) };
  assert.equal(sqsConsumer.traced(options).sqs, client);
  assert.notEqual(options.sqs, client);
});

test("a dead letter that is spread into a command continues the attempt that failed: Lambda's and SQS's, by hand and by withRetries", async () => {
  const client = new Noting();
  const sqs = traced(client as unknown as SQSClient);
  const elsewhere = (letter: object): Promise<unknown> =>
    trace
      .getTracer("application")
      .startActiveSpan("elsewhere", { root: true }, async (span) =>
        sqs
          .send(new SendMessageCommand({ QueueUrl, ...letter } as never))
          .finally(() => span.end()),
      );
  const error = new Error("declined");
  const charge = (): never => {
    throw error;
  };
  const bodies = { one: "1", two: "2" };
  const { Records } = sqsEvent(bodies);
  const received = Object.values(bodies).map((of) => ({
    Body: of,
    MessageAttributes: textAttributes({ traceparent: traceparentOf(of) }),
  }));
  for (const [functions, messages] of [
    [lambda, Records],
    [sqsFunctions, received],
  ] as const) {
    sdk.reset();
    const [byHand, retried] = messages as [never, never];
    const delivery = { system: "aws_sqs", destination: "orders" };
    assert.throws(() => functions.processMessage(byHand, charge, delivery), error);
    await elsewhere(functions.deadLetter(byHand, error));
    await functions.processMessage(
      retried,
      functions.withRetries(charge, { attempts: 1, deadLetter: elsewhere }),
      delivery,
    );
    const failed = sdk
      .spans()
      .filter(
        ({ name, status }) => name === "process orders" && status.code === SpanStatusCode.ERROR,
      );
    const sends = sdk.spans().filter(({ name }) => name === "send orders");
    assert.deepEqual(
      sends.map(({ parentSpanContext }) => parentSpanContext?.spanId),
      failed.map((span) => span.spanContext().spanId),
    );
    assert.deepEqual(
      sends.map((span) => span.spanContext().traceId),
      ["1".repeat(32), "2".repeat(32)],
    );
  }
});
