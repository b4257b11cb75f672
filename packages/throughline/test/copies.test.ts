// Two copies of this library in one process, as two dependencies may bring them, agree: on who
// delivered a message, on what is active, and on what a dead letter or an aggregate was made of.
import { context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { KafkaMessage, Message } from "kafkajs";
import * as own from "throughline/kafkajs";
import { counted } from "./context-depth.ts";
import { tracing, type Tracing } from "./sdk.ts";
import { carried, record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

type Library = typeof own;

const folder = mkdtempSync(join(tmpdir(), "throughline-copy-"));
let other: Library;
before(async () => {
  const entry = fileURLToPath(import.meta.resolve("throughline/kafkajs"));
  let root = dirname(entry);
  while (!existsSync(join(root, "package.json"))) root = dirname(root);
  const copy = join(folder, "copy");
  cpSync(root, copy, {
    recursive: true,
    filter: (path) => !path.includes("node_modules", root.length),
  });
  // The copy finds the very api that the tests use.
  let api = dirname(fileURLToPath(import.meta.resolve("@opentelemetry/api")));
  while (!existsSync(join(api, "package.json")) || !api.endsWith("api")) api = dirname(api);
  mkdirSync(join(folder, "node_modules/@opentelemetry"), { recursive: true });
  symlinkSync(api, join(folder, "node_modules/@opentelemetry/api"));
  other = (await import(pathToFileURL(join(copy, entry.slice(root.length))).href)) as Library;
});
after(() => rmSync(folder, { recursive: true }));

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const from = (): KafkaMessage =>
  record({ traceparent: `00-${TRACE}-${SPAN}-03`, baggage: "user=7" });

test("it is another copy indeed", () => {
  assert.notEqual(other.processMessage, own.processMessage);
});

test("a message that one copy is handling gets no second span from the other", async () => {
  const incoming = stubConsumer();
  await other.traced(incoming.client).run({
    eachMessage: async ({ message }) => own.processMessage(message, () => {}),
  });
  await incoming.deliver(from());
  assert.equal(observed.spans().length, 1);
});

test("a batch that one copy delivered is processed message by message by the other", async () => {
  const incoming = stubConsumer();
  await other.traced(incoming.client).run({
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) own.processMessage(message, () => {});
    },
  });
  await incoming.deliverBatch([from(), from()]);
  const [first, second, batch] = observed.spans();
  for (const single of [first, second]) {
    assert.equal(single?.name, "process orders");
    assert.equal(single.parentSpanContext?.spanId, SPAN);
    assert.deepEqual(
      single.links.map((link) => link.context.spanId),
      [batch?.spanContext().spanId],
    );
  }
  const metric = (await observed.metrics()).get("messaging.process.duration");
  const counts = metric?.points.map(({ value }) => (value as { count: number }).count);
  assert.deepEqual(counts, [2]);
});

test("what one copy delivered is known to the other when it is handled later", async () => {
  const incoming = stubConsumer();
  const kept: KafkaMessage[] = [];
  await other.traced(incoming.client).run({
    eachBatch: async ({ batch }) => void kept.push(...batch.messages),
  });
  await incoming.deliverBatch([from()], { topic: "invoices" });
  observed.reset();
  own.processMessage(kept[0] as KafkaMessage, () => {});
  assert.equal(observed.spans()[0]?.name, "process invoices");
});

test("the random flag of what one copy extracted is put back by the other", () => {
  const sent = other.processMessage(from(), () => own.injectContext({}), {
    system: "kafka",
    destination: "orders",
  });
  assert.equal(carried({ headers: sent }).flags, "03");
});

test("contexts of both copies are not wrapped into each other, however often", () => {
  const at = { system: "kafka", destination: "orders" };
  const { bottom, depthOf } = counted();
  let active = bottom;
  const depths = [own, other, own, other, own, other].map((copy) => {
    context.with(active, () =>
      copy.processMessage(record(), () => void (active = context.active()), at),
    );
    return depthOf(active);
  });
  assert.deepEqual(new Set(depths), new Set([depths[0]]));
});

test("a client that one copy traced is traced", () => {
  const { client } = stubProducer();
  const traced = other.traced(client);
  assert.equal(own.traced(traced), traced);
});

test("a dead letter, and links, of one copy are known to the other's producer", async () => {
  const outgoing = stubProducer();
  const failing = from();
  await assert.rejects(
    own.processMessage(failing, () => Promise.reject(new Error("failed")), {
      system: "kafka",
      destination: "orders",
    }),
  );
  const attempt = observed.spans()[0]?.spanContext().spanId;
  const letter = other.deadLetter(failing, new Error("failed"));
  const elsewhere = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: TRACE,
    spanId: "b7ad6b7169203331",
    traceFlags: 1,
  });
  await context.with(elsewhere, () =>
    own.traced(outgoing.client).send({ topic: "orders.dlq", messages: [letter] }),
  );
  const [, sent] = observed.spans();
  assert.equal(sent?.parentSpanContext?.spanId, attempt);

  const aggregate: Message = other.links({ value: "total" }, [failing]);
  await own.traced(outgoing.client).send({ topic: "totals", messages: [aggregate] });
  assert.deepEqual(
    observed
      .spans()
      .at(-1)
      ?.links.map((link) => link.context.spanId),
    [SPAN],
  );
});

test("a handler of one copy's withRetries opens its own spans under the other's consumer", async () => {
  const incoming = stubConsumer();
  let attempts = 0;
  const resilient = other.withRetries(
    async () => {
      attempts += 1;
      if (attempts === 1) throw new Error("first");
    },
    { attempts: 2 },
  );
  await own.traced(incoming.client).run({ eachMessage: resilient });
  await incoming.deliver(from());
  assert.deepEqual(
    observed.spans().map((span) => span.parentSpanContext?.spanId),
    [SPAN, SPAN],
  );
});
