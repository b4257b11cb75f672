// SQS takes ten attributes with a message, counts them to its size, and refuses some characters: what
// of ours goes where there is no room, and that no message fails for it.
import { type TextMapPropagator, propagation, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { SendMessageBatchCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { deadLetter, injectContext, processMessage, traced } from "throughline/sqs";
import { bareClient, makeQueue, receiveAll, textAttributes } from "./sqs-queue.ts";
import { elasticmq, fauxqs } from "./sqs-servers.ts";
import { type Tracing, tracing } from "./sdk.ts";

const MAX_BYTES = 1_048_576;
const traceparent = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
const CARRIED = { traceparent, tracestate: "a=1", baggage: "tenant=a" };
/** The name, its type's name (String) and a traceparent. */
const TRACEPARENT_BYTES = 11 + 6 + 55;

let sdk: Tracing;
beforeEach(() => {
  sdk = tracing();
});
afterEach(() => sdk.shutdown());

const own = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`own-${at}`, "x"]));

function namesOf(attributes: object | undefined): { own: number; ours: string[] } {
  const names = Object.keys(attributes ?? {});
  const ours = names.filter((name) => !name.startsWith("own-"));
  return { own: names.length - ours.length, ours: ours.toSorted() };
}

for (const handled of [false, true]) {
  test(`in a dead letter${handled ? " of a handled message" : ""} baggage goes first, then tracestate, then its story, and last the trace`, async () => {
    const kept: Record<number, string[]> = {};
    for (const count of [6, 7, 8, 9, 10]) {
      // As many as it could be received with: ten in all.
      const carried = Object.entries(CARRIED).slice(0, 10 - count);
      const message = {
        Body: "42",
        MessageAttributes: textAttributes({ ...own(count), ...Object.fromEntries(carried) }),
      };
      const park = (): { MessageAttributes: object } => deadLetter(message, new Error("declined"));
      const letter = handled ? await processMessage(message, async () => park()) : park();
      const names = namesOf(letter.MessageAttributes);
      assert.equal(names.own, count);
      kept[count] = names.ours;
    }
    assert.deepEqual(kept, {
      6: ["baggage", "dlq", "traceparent", "tracestate"],
      7: ["dlq", "traceparent", "tracestate"],
      8: ["dlq", "traceparent"],
      9: ["traceparent"],
      10: [],
    });
  });
}

test("what SQS would refuse of a propagator's fields is left out, and the others are sent", () => {
  const written = {
    "x-control": "a\u0001b",
    "x-surrogate": "a\ud800b",
    "x-last": "a\uffffb",
    "x-tab": "a\tb",
    "x-emoji": "a\u{1f600}b",
    "x..name": "a",
    "x-empty": "",
  };
  const propagator: TextMapPropagator = {
    fields: () => Object.keys(written),
    inject(_context, carrier, setter) {
      for (const [name, value] of Object.entries(written)) setter.set(carrier, name, value);
    },
    extract: (context) => context,
  };
  propagation.disable();
  propagation.setGlobalPropagator(propagator);
  trace.getTracer("application").startActiveSpan("place order", (span) => {
    assert.deepEqual(Object.keys(injectContext({})).toSorted(), ["x-emoji", "x-tab"]);
    span.end();
  });
});

for (const server of [fauxqs, elasticmq]) {
  describe(`room on ${server.name}`, { skip: server.skip, timeout: 60_000 }, () => {
    test("a message that fills SQS's size is sent without context, and one that leaves just room for it with it", async () => {
      const [bare, sqs] = [bareClient(server), traced(bareClient(server))];
      for (const [left, ours] of [
        [TRACEPARENT_BYTES - 1, []],
        [TRACEPARENT_BYTES, ["traceparent"]],
      ] as const) {
        const QueueUrl = await makeQueue(bare);
        const MessageBody = "x".repeat(MAX_BYTES - left);
        await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
        const [message] = await receiveAll(bare, QueueUrl, 1);
        assert.equal(message?.Body?.length, MAX_BYTES - left);
        assert.deepEqual(namesOf(message.MessageAttributes).ours, ours);
      }
      sqs.destroy();
      bare.destroy();
    });

    test("the messages of a batch share the room that they leave in its size", async () => {
      const [bare, sqs] = [bareClient(server), traced(bareClient(server))];
      const QueueUrl = await makeQueue(bare);
      // Room for one context and a half: the first takes it.
      const left = Math.floor((TRACEPARENT_BYTES * 3) / 2);
      const bodies = ["a".repeat(MAX_BYTES / 2), "b".repeat(MAX_BYTES / 2 - left)];
      const Entries = bodies.map((MessageBody, at) => ({ Id: `id-${at}`, MessageBody }));
      await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      const received = await receiveAll(bare, QueueUrl, 2);
      const kept = Object.fromEntries(
        received.map(({ Body = "", MessageAttributes }) => [
          Body[0],
          namesOf(MessageAttributes).ours,
        ]),
      );
      assert.deepEqual(kept, { a: ["traceparent"], b: [] });
      sqs.destroy();
      bare.destroy();
    });
  });
}
