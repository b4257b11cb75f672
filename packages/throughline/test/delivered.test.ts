// Where a message came from is known of it outside of its handler too: a queue of the application's
// own, a timer, a copy.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { KafkaMessage } from "kafkajs";
import { processMessage, traced } from "throughline/kafkajs";
import { tracing, type Tracing } from "./sdk.ts";
import { record, stubConsumer } from "./stub-kafkajs.ts";

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

/** Records as kafkajs gives those of one fetch: each holds what all of them share. */
function fetched(count: number): KafkaMessage[] {
  const batchContext = { firstOffset: "0" };
  return Array.from({ length: count }, () => Object.assign(record(), { batchContext }));
}

/** Handles a message by itself, and gives what its span says of where it came from. */
function place(message: object): unknown[] {
  observed.reset();
  processMessage(message, () => {});
  const [span] = observed.spans();
  const { attributes = {} } = span ?? {};
  return [
    span?.name,
    attributes["messaging.destination.partition.id"],
    attributes["messaging.consumer.group.name"],
  ];
}

for (const [how, alike] of [
  ["by itself", () => [record(), record()]],
  ["by what it shares with its fetch", () => fetched(2)],
] as const) {
  test(`a record that was delivered is known afterwards, ${how}: of each fetch, partition and topic`, async () => {
    const { client, deliver, deliverBatch } = stubConsumer();
    const handlers = { eachMessage: async () => {}, eachBatch: async () => {} };
    await traced(client, { groupId: "payments" }).run(handlers);
    const places = [
      { topic: "orders", partition: 0 },
      { topic: "orders", partition: 0 },
      { topic: "orders", partition: 1 },
      { topic: "invoices", partition: 0 },
    ];
    const known: [KafkaMessage, unknown[]][] = [];
    for (const { topic, partition } of places) {
      for (const batch of [alike(), alike()]) {
        if (known.length % 4 === 0) await deliverBatch(batch, { topic, partition });
        else for (const message of batch) await deliver(message, { topic, partition });
        for (const message of batch) {
          known.push([message, [`process ${topic}`, String(partition), "payments"]]);
        }
      }
    }
    assert.equal(known.length, 16);
    for (const [message, expected] of known) assert.deepEqual(place(message), expected);
  });
}

test("a copy of a record is known by what it shares with its fetch", async () => {
  const { client, deliver } = stubConsumer();
  await traced(client, { groupId: "payments" }).run({ eachMessage: async () => {} });
  const [message] = fetched(1);
  await deliver(message as KafkaMessage, { partition: 3 });
  assert.deepEqual(place({ ...message }), ["process orders", "3", "payments"]);
});

test("a record of nobody's fetch is known by nothing", () => {
  assert.deepEqual(place(Object.assign(record(), { batchContext: {} })), [
    "process",
    undefined,
    undefined,
  ]);
});
