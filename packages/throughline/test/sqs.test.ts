import { context, propagation, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { after, afterEach, beforeEach, describe, test } from "node:test";
import {
  type Message,
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQS,
  type SQSClient,
  StartMessageMoveTaskCommand,
} from "@aws-sdk/client-sqs";
import { deadLetter, deadLetterOf, injectContext, processMessage, traced } from "throughline/sqs";
import { bareClient, makeQueue, receiveAll, textAttributes } from "./sqs-queue.ts";
import { configOf, elasticmq, fauxqs } from "./sqs-servers.ts";
import { type Tracing, tracing } from "./sdk.ts";

// What is particular to SQS: the traps of its client, on both emulators.

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/;
const tracer = (): ReturnType<typeof trace.getTracer> => trace.getTracer("application");

/** Names of the attributes of the application's own. */
function ownAttributes(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`own-${at}`, "x"]));
}

function traceparentOf({ MessageAttributes }: Message): string | undefined {
  return MessageAttributes?.["traceparent"]?.StringValue;
}

for (const server of [fauxqs, elasticmq]) {
  describe(`SQS on ${server.name}`, { skip: server.skip, timeout: 60_000 }, () => {
    const bare = bareClient(server);
    const sqs = traced(bareClient(server));
    let sdk: Tracing;
    beforeEach(() => {
      sdk = tracing();
    });
    afterEach(() => sdk.shutdown());
    after(() => {
      sqs.destroy();
      bare.destroy();
    });

    test("of ten attributes that SQS takes, the application's own are never fewer for ours", async () => {
      const QueueUrl = await makeQueue(bare);
      const baggage = propagation.createBaggage({ tenant: { value: "a" } });
      const active = propagation.setBaggage(context.active(), baggage);
      const kept: Record<number, string[]> = {};
      for (const own of [7, 8, 9, 10]) {
        await context.with(active, () =>
          sqs.send(
            new SendMessageCommand({
              QueueUrl,
              MessageBody: String(own),
              MessageAttributes: textAttributes(ownAttributes(own)),
            }),
          ),
        );
      }
      for (const { Body, MessageAttributes = {} } of await receiveAll(bare, QueueUrl, 4)) {
        const names = Object.keys(MessageAttributes);
        assert.equal(names.filter((name) => name.startsWith("own-")).length, Number(Body));
        kept[Number(Body)] = names.filter((name) => !name.startsWith("own-")).toSorted();
      }
      // The trace goes last.
      assert.deepEqual(kept, {
        7: ["baggage", "traceparent"],
        8: ["baggage", "traceparent"],
        9: ["traceparent"],
        10: [],
      });
      const faults = (await sdk.metrics()).get("throughline.faults")?.points ?? [];
      assert.ok(faults.some(({ attributes }) => attributes["step"] === "inject"));
    });

    test("an attribute of ours that the message has already takes no room", async () => {
      const QueueUrl = await makeQueue(bare);
      const own = { ...ownAttributes(9), traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01` };
      const MessageAttributes = textAttributes(own);
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "1", MessageAttributes }));
      const [message] = await receiveAll(bare, QueueUrl, 1);
      assert.equal(Object.keys(message?.MessageAttributes ?? {}).length, 10);
      assert.match(traceparentOf(message ?? {}) ?? "", /^00-1{32}-(?!2{16})/);
    });

    test("each entry of a batch carries its own context, and one that is refused is an error of the send alone", async () => {
      const QueueUrl = await makeQueue(bare);
      const { Failed } = await sqs.send(
        new SendMessageBatchCommand({
          QueueUrl,
          Entries: [
            { Id: "good", MessageBody: "good" },
            { Id: "bad", MessageBody: "bad \u0001" },
            { Id: "fine", MessageBody: "fine" },
          ],
        }),
      );
      const spans = sdk.spans();
      const send = spans.find(({ name }) => name.startsWith("send "));
      assert.equal(spans.filter(({ name }) => name.startsWith("create ")).length, 3);
      assert.equal(send?.status.code, 2);
      const sent = (await sdk.metrics()).get("messaging.client.sent.messages")?.points ?? [];
      const failed = sent.filter(({ attributes }) => "error.type" in attributes);
      assert.deepEqual(
        Failed?.map(({ Id }) => Id),
        ["bad"],
      );
      assert.match(send?.status.message ?? "", /1 of 3 messages were refused: bad/);
      assert.equal(failed.at(-1)?.value, 1);
      const received = await receiveAll(bare, QueueUrl, 2);
      assert.equal(new Set(received.map(traceparentOf)).size, 2);
      for (const message of received) assert.match(traceparentOf(message) ?? "", TRACEPARENT);
    });

    test("a send's span tells the queue, the message's id and the request's", async () => {
      const QueueUrl = await makeQueue(bare);
      const { MessageId } = await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "1" }));
      const [span] = sdk.spans();
      assert.equal(span?.name, `send ${QueueUrl.split("/").at(-1)}`);
      assert.equal(span?.attributes["messaging.system"], "aws_sqs");
      assert.equal(span?.attributes["aws.sqs.queue.url"], QueueUrl);
      assert.equal(span?.attributes["messaging.message.id"], MessageId);
      assert.match(String(span?.attributes["aws.request_id"]), /^\S+$/);
    });

    test("a send by callback calls back as the bare client's does, and its span ends with it", async () => {
      const QueueUrl = await makeQueue(bare);
      for (const withOptions of [false, true]) {
        sdk.reset();
        const command = new SendMessageCommand({ QueueUrl, MessageBody: "1" });
        const answer = await new Promise<unknown[]>((resolve) => {
          const back = (...told: unknown[]): void => resolve(told);
          const returned: unknown = withOptions
            ? sqs.send(command, {}, back)
            : sqs.send(command, back);
          assert.equal(returned, undefined);
          assert.equal(sdk.open().length, 1);
        });
        assert.equal(answer[0], null);
        assert.equal(sdk.open().length, 0);
        assert.equal(sdk.spans().length, 1);
      }
      const failing = new SendMessageCommand({ QueueUrl: `${QueueUrl}-gone`, MessageBody: "1" });
      const [error] = await new Promise<unknown[]>((resolve) => {
        sqs.send(failing, (...told: unknown[]) => resolve(told));
      });
      assert.match((error as Error).name, /QueueDoesNotExist|NonExistentQueue/);
      assert.equal(sdk.spans().at(-1)?.status.code, 2);
    });

    test("the methods of the SQS class carry context as send does", async () => {
      const aggregated = new SQS(configOf(server));
      const own = traced(aggregated);
      assert.ok(own instanceof SQS);
      const QueueUrl = await makeQueue(bare);
      await own.sendMessage({ QueueUrl, MessageBody: "1" });
      await own.sendMessageBatch({ QueueUrl, Entries: [{ Id: "a", MessageBody: "2" }] });
      const names: string[] = [];
      for (let left = 2; left > 0;) {
        const { Messages = [] } = await own.receiveMessage({ QueueUrl, MaxNumberOfMessages: 10 });
        left -= Messages.length;
        for (const message of Messages) {
          assert.match(traceparentOf(message) ?? "", TRACEPARENT);
          processMessage(message, () => tracer().startSpan("handled").end());
          names.push(message.Body ?? "");
          await own.deleteMessage({ QueueUrl, ReceiptHandle: message.ReceiptHandle });
        }
      }
      assert.deepEqual(names.toSorted(), ["1", "2"]);
      aggregated.destroy();
    });

    test("a receive asks for what carries context beside what the application asks for, and for nothing twice", async () => {
      const QueueUrl = await makeQueue(bare);
      const send = (): Promise<unknown> =>
        sqs.send(
          new SendMessageCommand({
            QueueUrl,
            MessageBody: "1",
            MessageAttributes: textAttributes({ tenant: "a", secret: "b" }),
          }),
        );
      for (const [asked, given] of [
        [undefined, ["traceparent"]],
        [["tenant"], ["tenant", "traceparent"]],
        [["traceparent"], ["traceparent"]],
        [["All"], ["secret", "tenant", "traceparent"]],
        [[".*"], ["secret", "tenant", "traceparent"]],
      ] as const) {
        await send();
        const input = {
          QueueUrl,
          WaitTimeSeconds: 1,
          ...(asked && { MessageAttributeNames: [...asked] }),
        };
        const command = new ReceiveMessageCommand(input);
        const before = structuredClone(input);
        const { Messages: [message] = [] } = await sqs.send(command);
        assert.deepEqual(Object.keys(message?.MessageAttributes ?? {}).toSorted(), [...given]);
        assert.deepEqual(command.input, before, "the command was written to");
        assert.equal(command.input, input);
        await bare.send(
          new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle }),
        );
      }
    });

    test("a command is left as it was, and can be sent again", async () => {
      const QueueUrl = await makeQueue(bare);
      const input = Object.freeze({
        QueueUrl,
        MessageBody: "1",
        MessageAttributes: Object.freeze(textAttributes({ tenant: "a" })),
      });
      const command = new SendMessageCommand(input);
      for (let times = 0; times < 2; times++) await sqs.send(command);
      assert.equal(command.input, input);
      assert.deepEqual(Object.keys(input.MessageAttributes), ["tenant"]);
      const received = await receiveAll(bare, QueueUrl, 2);
      assert.equal(new Set(received.map(traceparentOf)).size, 2);
    });

    test("a message of the application's own class is sent with what its getters give", async () => {
      class Order {
        readonly #id = "order-1";
        readonly QueueUrl: string;
        constructor(url: string) {
          this.QueueUrl = url;
        }
        get MessageBody(): string {
          return this.#id;
        }
      }
      const QueueUrl = await makeQueue(bare);
      await sqs.send(new SendMessageCommand(new Order(QueueUrl)));
      const [message] = await receiveAll(bare, QueueUrl, 1);
      assert.equal(message?.Body, "order-1");
      assert.match(traceparentOf(message ?? {}) ?? "", TRACEPARENT);
    });

    test("a deletion is in the trace of the message that it deletes, and one of several is linked to each", async () => {
      const QueueUrl = await makeQueue(bare);
      for (const body of ["1", "2", "3"]) {
        await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
      }
      const sent = sdk.spans();
      const [first, ...rest] = await receiveAll(sqs, QueueUrl, 3);
      const handleOf = ({ ReceiptHandle }: Message): string | undefined => ReceiptHandle;
      const one = { QueueUrl, ReceiptHandle: handleOf(first ?? {}) };
      await sqs.send(new ChangeMessageVisibilityCommand({ ...one, VisibilityTimeout: 60 }));
      await new Promise<void>((resolve) => {
        sqs.send(new DeleteMessageCommand(one), () => resolve());
      });
      const Entries = rest.map((message, at) => ({
        Id: String(at),
        ReceiptHandle: handleOf(message),
      }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
      const [change, deletion, batch] = sdk.spans().slice(sent.length);
      const creation = sent.find(
        (span) => span.spanContext().traceId === change?.spanContext().traceId,
      );
      assert.equal(change?.name.split(" ")[0], "change_visibility");
      assert.equal(change?.attributes["messaging.operation.type"], "settle");
      assert.equal(deletion?.name.split(" ")[0], "delete");
      assert.equal(deletion?.parentSpanContext?.spanId, creation?.spanContext().spanId);
      assert.equal(batch?.links.length, 2);
      assert.equal(sdk.open().length, 0);
    });

    test("a message that comes again while it is handled is two attempts in one trace, and its older receipt is answered as without us", async () => {
      const stale = async (client: SQSClient, handle: typeof processMessage): Promise<string> => {
        const QueueUrl = await makeQueue(bare, { VisibilityTimeout: "1" });
        await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "1" }));
        const [first = {}] = await receiveAll(client, QueueUrl, 1);
        return handle(first, async ({ ReceiptHandle = "" }: Message) => {
          const [second = {}] = await receiveAll(client, QueueUrl, 1);
          assert.notEqual(second.ReceiptHandle, ReceiptHandle);
          handle(second, () => {});
          return client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle })).then(
            ({ $metadata }) => `answered ${$metadata.httpStatusCode}`,
            ({ name, message }: Error) => `${name}: ${message.replace(ReceiptHandle, "it")}`,
          );
        });
      };
      const without = await stale(bare, (message, handler) => handler(message));
      assert.equal(await stale(sqs, processMessage), without);
      const [sent, second, deletion, first, ...more] = sdk.spans();
      assert.deepEqual(more, []);
      const parents = [first, second].map((span) => span?.parentSpanContext?.spanId);
      assert.deepEqual(parents, [sent?.spanContext().spanId, sent?.spanContext().spanId]);
      assert.equal(deletion?.parentSpanContext?.spanId, first?.spanContext().spanId);
      assert.equal(Number(deletion?.status.code) === 2, !without.startsWith("answered"));
      assert.equal(sdk.open().length, 0);
    });

    /** A message that failed, and that the queue's redrive policy has moved. */
    async function redriven(): Promise<{ QueueUrl: string; letters: string; arn: string }> {
      const letters = await makeQueue(bare);
      const { Attributes } = await bare.send(
        new GetQueueAttributesCommand({ QueueUrl: letters, AttributeNames: ["QueueArn"] }),
      );
      const arn = Attributes?.["QueueArn"] ?? "";
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 1 });
      const QueueUrl = await makeQueue(bare, { RedrivePolicy });
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "1" }));
      const [failed] = await receiveAll(sqs, QueueUrl, 1);
      const attempt = processMessage(failed ?? {}, async () => {
        throw new Error("no funds");
      });
      await assert.rejects(attempt);
      const { ReceiptHandle } = failed ?? {};
      await bare.send(
        new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }),
      );
      // It moves when it would have been received once more.
      await bare.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }));
      return { QueueUrl, letters, arn };
    }

    test("a message that the queue's redrive policy moves stays in its trace, and says where it was", async () => {
      const { QueueUrl, letters } = await redriven();
      const [moved] = await receiveAll(sqs, letters, 1);
      processMessage(moved ?? {}, () => tracer().startSpan("repair").end());
      const traces = new Set(sdk.spans().map((span) => span.spanContext().traceId));
      assert.equal(traces.size, 1);
      // fauxqs does not say where it moved a message from.
      const destination = QueueUrl.split("/").at(-1);
      const origin = server === elasticmq ? { convention: "sqs", destination } : undefined;
      assert.deepEqual(deadLetterOf(moved ?? {}), origin);
    });

    const noTask = server === fauxqs && "fauxqs has no redrive tasks";
    test(
      "a message that a redrive task moves back is handled in its own trace, beside the attempt that failed",
      { skip: noTask },
      async () => {
        const { QueueUrl, arn } = await redriven();
        await bare.send(new StartMessageMoveTaskCommand({ SourceArn: arn }));
        const [again] = await receiveAll(sqs, QueueUrl, 1);
        assert.equal(again?.Body, "1", "nothing came back");
        processMessage(again ?? {}, () => {});
        const [sent, ...more] = sdk.spans().filter(({ name }) => name.startsWith("send "));
        const attempts = sdk.spans().filter(({ name }) => name.startsWith("process "));
        assert.deepEqual(more, []);
        assert.deepEqual(
          attempts.map((span) => [span.parentSpanContext?.spanId, span.status.code]),
          [
            [sent?.spanContext().spanId, 2],
            [sent?.spanContext().spanId, 0],
          ],
        );
      },
    );

    test("a message that the redrive policy moved and that is sent back by hand stays in its trace", async () => {
      const { QueueUrl, letters } = await redriven();
      const [moved] = await receiveAll(sqs, letters, 1);
      await processMessage(moved ?? {}, ({ Body = "", MessageAttributes }: Message) =>
        sqs.send(
          new SendMessageCommand({
            QueueUrl,
            MessageBody: Body,
            ...(MessageAttributes && { MessageAttributes }),
          }),
        ),
      );
      const [sent, again] = sdk.spans().filter(({ name }) => name.startsWith("send "));
      const repair = sdk.spans().findLast(({ name }) => name.startsWith("process "));
      assert.equal(again?.parentSpanContext?.spanId, repair?.spanContext().spanId);
      assert.equal(again?.spanContext().traceId, sent?.spanContext().traceId);
    });

    test("a dead letter tells its story in one attribute, and is in its record's trace when it is spread into a command", async () => {
      const [QueueUrl, letters] = [await makeQueue(bare), await makeQueue(bare)];
      await sqs.send(
        new SendMessageCommand({
          QueueUrl,
          MessageBody: "1",
          MessageAttributes: textAttributes({ tenant: "a" }),
        }),
      );
      const [message] = await receiveAll(sqs, QueueUrl, 1);
      const letter = deadLetter(message ?? {}, new RangeError("too \u0000 much \uFFFF"));
      assert.deepEqual(Object.keys(letter.MessageAttributes).toSorted(), [
        "dlq",
        "tenant",
        "traceparent",
      ]);
      await tracer().startActiveSpan("elsewhere", async (span) => {
        await sqs.send(new SendMessageCommand({ QueueUrl: letters, ...letter }));
        span.end();
      });
      const [arrived] = await receiveAll(sqs, letters, 1);
      const origin = deadLetterOf(arrived ?? {});
      assert.equal(origin?.destination, QueueUrl.split("/").at(-1));
      assert.equal(origin?.errorType, "RangeError");
      assert.equal(origin?.errorMessage, "too \u0000 much \uFFFD");
      const [sent, again] = sdk.spans().filter(({ name }) => name.startsWith("send "));
      assert.equal(again?.spanContext().traceId ?? "", sent?.spanContext().traceId);
    });
  });
}

test("injectContext leaves out what ten attributes have no room for, and writes to nothing that it is given", () => {
  const sdk = tracing();
  try {
    tracer().startActiveSpan("sender", () => {
      const nine = Object.freeze(textAttributes(ownAttributes(9)));
      assert.equal(Object.keys(injectContext(nine)).length, 10);
      assert.match(injectContext(nine)["traceparent"]?.StringValue ?? "", TRACEPARENT);
      const ten = textAttributes(ownAttributes(10));
      assert.deepEqual(injectContext(ten), ten);
    });
  } finally {
    void sdk.shutdown();
  }
});

test("what is no client is refused by name", () => {
  assert.throws(() => traced(null as never), /takes an SQSClient.*got null/);
  assert.throws(() => traced({} as never), /takes an SQSClient.*got object/);
});
