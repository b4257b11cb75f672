// A dead letter on its way: through a producer, to the consumer of dead letters, parked again, and
// back to where it came from.
import { SpanKind, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { KafkaMessage, Message } from "kafkajs";
import {
  deadLetter,
  deadLetterOf,
  type Options,
  processMessage,
  traced,
} from "throughline/kafkajs";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";
import { carried, header, record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const fromProducer = () => record({ traceparent: `00-${TRACE}-${SPAN}-01`, baggage: "user=7" });
const error = new Error("card declined");

/** The one finished span of a name. */
function only(name: string): FinishedSpan {
  const found = observed.spans().filter((span) => span.name === name);
  assert.equal(found.length, 1, `${found.length} spans ${name}`);
  return found[0] as FinishedSpan;
}

const spanId = (span: FinishedSpan): string => span.spanContext().spanId;
const linked = (span: FinishedSpan): string[] => span.links.map((link) => link.context.spanId);

/** A sent message as a consumer gets it. */
const arrived = (sent: Message): KafkaMessage =>
  record(
    Object.fromEntries(
      Object.keys(sent.headers ?? {}).map((name) => [name, header(sent, name) as string]),
    ),
  );

/** Handles a record of a topic; what the handler gives is sent to `to`, and arrives. */
async function forwarded(
  message: KafkaMessage,
  topic: string,
  to: string,
  make: (message: KafkaMessage) => Message,
  options: Options = {},
): Promise<KafkaMessage> {
  const incoming = stubConsumer();
  const outgoing = stubProducer();
  const producer = traced(outgoing.client, options);
  await traced(incoming.client, { groupId: "payments", ...options }).run({
    eachMessage: async (payload) => {
      await producer.send({ topic: to, messages: [make(payload.message)] });
    },
  });
  await incoming.deliver(message, { topic });
  return arrived(outgoing.messages()[0] as Message);
}

const park = (message: KafkaMessage): Message => deadLetter(message, error);
const replay = ({ headers }: KafkaMessage): Message => ({
  value: "again",
  ...(headers && { headers }),
});

test("a traced producer sends it under the failed attempt, and it carries that send", async () => {
  const letter = await forwarded(fromProducer(), "orders", "orders.dlq", park);
  const attempt = only("process orders");
  const send = only("send orders.dlq");
  assert.equal(send.kind, SpanKind.PRODUCER);
  assert.equal(send.parentSpanContext?.spanId, spanId(attempt));
  assert.deepEqual(send.links, []);
  assert.deepEqual(carried(letter), { traceId: TRACE, spanId: spanId(send), flags: "01" });
  assert.equal(header(letter, "dlq.failed"), `00-${TRACE}-${spanId(attempt)}-01`);
  assert.equal(header(letter, "baggage"), "user=7");
});

test("sent from a span beneath the attempt, it still continues the attempt", async () => {
  const incoming = stubConsumer();
  const producer = traced(stubProducer().client);
  await traced(incoming.client).run({
    eachMessage: ({ message }) =>
      trace.getTracer("application").startActiveSpan("park", async (span) => {
        await producer.send({ topic: "orders.dlq", messages: [park(message)] });
        span.end();
      }),
  });
  await incoming.deliver(fromProducer());
  assert.equal(only("send orders.dlq").parentSpanContext?.spanId, spanId(only("process orders")));
  assert.equal(only("park").spanContext().traceId, TRACE);
});

test("sent from a span of another trace it stays in its own, and that span is a link", async () => {
  const outgoing = stubProducer();
  const message = fromProducer();
  assert.throws(() =>
    processMessage(
      message,
      () => {
        throw error;
      },
      { system: "kafka", destination: "orders" },
    ),
  );
  const letter = deadLetter(message, error);
  await trace.getTracer("application").startActiveSpan("sweep", async (sweep) => {
    await traced(outgoing.client).sendBatch({
      topicMessages: [{ topic: "orders.dlq", messages: [letter, { value: "report" }] }],
    });
    sweep.end();
  });
  const [ofLetter, ofReport] = observed.spans().filter(({ name }) => name === "create orders.dlq");
  assert.equal(ofLetter?.parentSpanContext?.spanId, spanId(only("process orders")));
  assert.deepEqual(linked(ofLetter), [spanId(only("sweep"))]);
  assert.equal(ofReport?.parentSpanContext?.spanId, spanId(only("sweep")));
  assert.equal(carried(outgoing.messages()[0] as Message).traceId, TRACE);
});

test('carried: "keep" does not keep a dead letter from continuing its attempt', async () => {
  const letter = await forwarded(fromProducer(), "orders", "orders.dlq", park, { carried: "keep" });
  assert.equal(only("send orders.dlq").parentSpanContext?.spanId, spanId(only("process orders")));
  assert.equal(carried(letter).spanId, spanId(only("send orders.dlq")));
});

test("the dead-letter consumer's span continues the send", async () => {
  const letter = await forwarded(fromProducer(), "orders", "orders.dlq", park);
  await forwarded(letter, "orders.dlq", "mail", () => ({ value: "sorry" }));
  const process = only("process orders.dlq");
  assert.equal(process.spanContext().traceId, TRACE);
  assert.equal(process.parentSpanContext?.spanId, spanId(only("send orders.dlq")));
});

test("parked again, it keeps its first origin and tells of the last failure, with no header twice", async () => {
  const letter = await forwarded(fromProducer(), "orders", "orders.dlq", park);
  const again = await forwarded(letter, "orders.dlq", "orders.parked", (message) =>
    deadLetter(message, new TypeError("unreadable")),
  );
  const failed = only("process orders.dlq").spanContext();
  assert.deepEqual(deadLetterOf(again), {
    ...deadLetterOf(letter),
    errorType: "TypeError",
    errorMessage: "unreadable",
    failed: `00-${TRACE}-${failed.spanId}-01`,
  });
  assert.deepEqual(
    Object.keys(again.headers ?? {}).toSorted(),
    Object.keys(letter.headers ?? {}).toSorted(),
  );
});

test("a replay is a new trace, linked to the failed attempt and to the span that replays it", async () => {
  const letter = await forwarded(fromProducer(), "orders", "orders.dlq", park);
  const failed = spanId(only("process orders"));
  observed.reset();
  const replayed = await forwarded(letter, "orders.dlq", "orders", replay);
  const send = only("send orders");
  assert.equal(send.parentSpanContext, undefined);
  assert.notEqual(send.spanContext().traceId, TRACE);
  assert.deepEqual(linked(send), [failed, spanId(only("process orders.dlq"))]);
  assert.equal(carried(replayed).spanId, spanId(send));
  assert.equal(header(replayed, "baggage"), "user=7");
  assert.equal(deadLetterOf(replayed)?.destination, "orders");
});

test("a dead letter forwarded anywhere else is no replay: it stays in its trace", async () => {
  const letter = await forwarded(fromProducer(), "orders", "orders.dlq", park);
  await forwarded(letter, "orders.dlq", "orders.archive", replay);
  assert.equal(only("send orders.archive").spanContext().traceId, TRACE);
  assert.equal(
    only("send orders.archive").parentSpanContext?.spanId,
    spanId(only("process orders.dlq")),
  );
});

test("a replay that fails where it came from names the record that failed now", async () => {
  const letter = await forwarded(fromProducer(), "orders", "orders.dlq", park);
  const replayed = await forwarded(letter, "orders.dlq", "orders", replay);
  observed.reset();
  const again = await forwarded({ ...replayed, offset: "99" }, "orders", "orders.dlq", park);
  assert.equal(deadLetterOf(again)?.offset, "99");
  const { traceId } = only("process orders").spanContext();
  assert.equal(carried(again).traceId, traceId);
  assert.match(String(header(again, "dlq.failed")), new RegExp(`^00-${traceId}-`));
});
