// The host first, by property: whatever a handler does, its caller sees the same with us as
// without. Rule 8 of the design.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { extname } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as fc from "fast-check";
import { processMessage } from "throughline";
import { traced } from "throughline/kafkajs";
import { make, outcomes, see } from "./host-outcomes.ts";
import { ways } from "./host-ways.ts";
import { tracing, type Tracing } from "./sdk.ts";
import { record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
before(() => {
  observed = tracing();
});
after(() => observed.shutdown());

for (const [way, call] of Object.entries(ways)) {
  test(`${way}: the same value, the same error object, one call, one then`, async () => {
    await fc.assert(
      fc.asyncProperty(outcomes(), async (outcome) => {
        const [bare, ours] = [make(outcome), make(outcome)];
        const [how, what] = await see(bare, () => bare.handler());
        const [oursHow, oursWhat] = await see(ours, () => call(ours.handler));
        assert.equal(oursHow, how);
        assert.ok(Object.is(oursWhat, what), "not the same object");
        assert.equal(ours.seen.calls, 1);
        assert.equal(ours.seen.thens, bare.seen.thens);
        assert.equal(ours.seen.reads, bare.seen.reads);
        assert.deepEqual(observed.open(), [], "a span was left open");
        observed.reset();
      }),
      { numRuns: 200 },
    );
  });
}

test("handlers that nobody waits for leave the same rejections unhandled", async () => {
  const child = `./host-unhandled${extname(fileURLToPath(import.meta.url))}`;
  const seed = Date.now() % 100_000;
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...process.execArgv.filter((arg) => !arg.startsWith("--test")),
    fileURLToPath(new URL(child, import.meta.url)),
    String(seed),
    "60",
  ]);
  const { "without us": bare, ...ours } = JSON.parse(stdout) as Record<string, number[]>;
  assert.ok(bare !== undefined && bare.length > 5, stdout);
  assert.deepEqual(Object.keys(ours).sort(), Object.keys(ways).sort());
  for (const [way, unhandled] of Object.entries(ours)) {
    assert.deepEqual(unhandled, bare, `${way}, seed ${seed}`);
  }
});

test("a handler gets the very argument, and the receiver that the client calls it with", async () => {
  const { client, config } = stubConsumer();
  const seen: unknown[] = [];
  await traced(client).run({
    async eachMessage(this: unknown, ...given) {
      seen.push(this, ...given);
    },
  });
  const receiver = {};
  const payload = { topic: "orders", partition: 0, message: record() };
  await Reflect.apply(config().eachMessage as () => Promise<void>, receiver, [payload]);
  assert.equal(seen.length, 2);
  assert.equal(seen[0], receiver);
  assert.equal(seen[1], payload);
  const message = {};
  assert.equal(
    processMessage(message, (given) => given),
    message,
  );
});

test("a batch's handler gets the very payload, its functions with it, and the client's receiver", async () => {
  const { client, config } = stubConsumer();
  const seen: unknown[] = [];
  await traced(client).run({
    async eachBatch(this: unknown, ...given) {
      seen.push(this, ...given);
    },
  });
  const receiver = {};
  const payload = { batch: { topic: "orders", partition: 0, messages: [record()] } };
  await Reflect.apply(config().eachBatch as () => Promise<void>, receiver, [payload]);
  assert.equal(seen.length, 2);
  assert.equal(seen[0], receiver);
  assert.equal(seen[1], payload);
});

test("a promise's derived promise is given back, so that its kind stays", () => {
  class Cancellable<Value> extends Promise<Value> {
    cancel(): string {
      return "cancelled";
    }
  }
  const given = processMessage({}, () => Cancellable.resolve(1));
  assert.equal((given as Cancellable<number>).cancel(), "cancelled");
});

test("a send whose answer settles twice is counted once", async () => {
  const topic = "settles-twice";
  // oxlint-disable-next-line unicorn/no-thenable -- what a client may answer with
  const answer = { then: (resolve: (value: unknown) => void) => (resolve([]), resolve([])) };
  await traced(stubProducer(() => answer).client).send({ topic, messages: [{ value: "1" }] });
  const sent = (await observed.metrics()).get("messaging.client.sent.messages");
  const point = sent?.points.find(
    ({ attributes }) => attributes["messaging.destination.name"] === topic,
  );
  assert.equal(point?.value, 1);
  assert.equal(observed.spans().at(-1)?.name, `send ${topic}`);
});
