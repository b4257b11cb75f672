// A settlement that the application asks for by itself has a span of its own.
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { type Options, traced } from "throughline/kafkajs";
import { tracing, type Tracing } from "./sdk.ts";
import { record, stubConsumer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const offset = (topic: string) => ({ topic, partition: 0, offset: "1" });

function committing(commitOffsets: (...args: unknown[]) => unknown, options: Options = {}) {
  const incoming = stubConsumer();
  Object.assign(incoming.client, { commitOffsets });
  return { incoming, consumer: traced(incoming.client, { groupId: "payments", ...options }) };
}

test("a commit is a CLIENT span under what is active, with what it is of", async () => {
  const given: unknown[] = [];
  const { consumer } = committing(async (...args) => void given.push(...args));
  const offsets = [offset("orders")];
  await trace.getTracer("application").startActiveSpan("handler", async (handler) => {
    await consumer.commitOffsets(offsets);
    handler.end();
  });
  assert.equal(given[0], offsets);
  const [commit, handler] = observed.spans();
  assert.equal(commit?.name, "commit orders");
  assert.equal(commit.kind, SpanKind.CLIENT);
  assert.equal(commit.parentSpanContext?.spanId, handler?.spanContext().spanId);
  assert.deepEqual(
    { ...commit.attributes },
    {
      "messaging.operation.name": "commit",
      "messaging.operation.type": "settle",
      "messaging.system": "kafka",
      "messaging.destination.name": "orders",
      "messaging.consumer.group.name": "payments",
    },
  );
});

test("a commit over several topics names none", async () => {
  const { consumer } = committing(async () => {});
  await consumer.commitOffsets([offset("orders"), offset("invoices")]);
  const [span] = observed.spans();
  assert.equal(span?.name, "commit");
  assert.equal("messaging.destination.name" in span.attributes, false);
});

test("a commit that fails is an error, and rejects with the very error", async () => {
  const error = new Error("rebalancing");
  const { consumer } = committing(() => Promise.reject(error));
  await assert.rejects(consumer.commitOffsets([offset("orders")]), error);
  assert.equal(observed.spans()[0]?.status.code, SpanStatusCode.ERROR);
});

test("with spans off, and for an ignored topic, it is made without one", async () => {
  let commits = 0;
  const count = async (): Promise<void> => void (commits += 1);
  await committing(count, { spans: "off" }).consumer.commitOffsets([offset("orders")]);
  const { consumer, incoming } = committing(count, { ignore: (topic) => topic === "audit" });
  await consumer.run({ eachMessage: async () => {} });
  await incoming.deliver(record(), { topic: "audit" });
  await consumer.commitOffsets([offset("audit")]);
  assert.equal(commits, 2);
  assert.deepEqual(observed.spans(), []);
});

test("a commit's duration is measured, with and without spans, and a failed one by its error's type", async () => {
  const topic = "committed";
  await committing(async () => {}).consumer.commitOffsets([offset(topic)]);
  await committing(async () => {}, { spans: "off" }).consumer.commitOffsets([offset(topic)]);
  const { consumer } = committing(() => Promise.reject(new RangeError("behind")));
  await assert.rejects(consumer.commitOffsets([offset(topic)]), RangeError);
  const durations = (await observed.metrics()).get("messaging.client.operation.duration");
  const points = durations?.points.filter(
    ({ attributes }) => attributes["messaging.destination.name"] === topic,
  );
  const shared = {
    "messaging.operation.name": "commit",
    "messaging.system": "kafka",
    "messaging.consumer.group.name": "payments",
    "messaging.destination.name": topic,
  };
  assert.deepEqual(
    points?.map(({ attributes, value }) => [{ ...attributes }, (value as { count: number }).count]),
    [
      [shared, 2],
      [{ ...shared, "error.type": "RangeError" }, 1],
    ],
  );
});

test("with a template, a commit's span is named by it, and its duration names nothing else", async () => {
  const options: Options = { destinationTemplate: () => "settled-{id}" };
  await committing(async () => {}, options).consumer.commitOffsets([offset("settled-7")]);
  assert.equal(observed.spans()[0]?.name, "commit settled-{id}");
  assert.equal(observed.spans()[0]?.attributes["messaging.destination.name"], "settled-7");
  const durations = (await observed.metrics()).get("messaging.client.operation.duration");
  const [point] =
    durations?.points.filter(
      ({ attributes }) => attributes["messaging.destination.template"] === "settled-{id}",
    ) ?? [];
  assert.equal(point?.attributes["messaging.operation.name"], "commit");
  assert.equal("messaging.destination.name" in (point?.attributes ?? {}), false);
});
