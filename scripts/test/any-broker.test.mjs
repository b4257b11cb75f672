import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Aedes } from "aedes";
import mqtt from "mqtt";
import { tracing } from "../../packages/throughline/test/sdk.ts";
import { fromMarkdown } from "../check/doc-examples.mjs";

// The adapter of docs/any-broker.md, as it stands on that page, against a real MQTT broker.

const root = join(import.meta.dirname, "../..");
const page = "docs/any-broker.md";
const [adapter] = fromMarkdown(page, readFileSync(join(root, page), "utf8"));

mkdirSync(join(root, ".cache"), { recursive: true });
const folder = mkdtempSync(join(root, ".cache/any-broker-"));
const file = join(folder, "adapter.ts");
writeFileSync(file, adapter.code);
writeFileSync(join(folder, "package.json"), '{ "type": "module" }');

let broker;
let server;
let url;
let observed;
const clients = [];

before(async () => {
  observed = tracing();
  broker = await Aedes.createBroker();
  server = createServer(broker.handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `mqtt://127.0.0.1:${server.address().port}`;
});

after(async () => {
  for (const client of clients) await client.endAsync(true);
  await new Promise((resolve) => broker.close(resolve));
  server.close();
  await observed.shutdown();
  rmSync(folder, { recursive: true, force: true });
});

async function connected() {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0 });
  clients.push(client);
  return client;
}

test("the page's adapter is about twenty lines", () => {
  const lines = adapter.code
    .split("\n")
    .filter((line) => !/^(import|export \{\}|)\b|^$/.test(line));
  assert.ok(lines.length <= 25, `${lines.length} lines`);
});

test("a message that the page's adapter sends through a real MQTT broker is handled in its sender's trace", async () => {
  const { handle, publish } = await import(file);
  const [sender, receiver] = [await connected(), await connected()];
  const tracer = trace.getTracer("test");
  const seen = new Promise((resolve) => {
    handle(receiver, async (body) => {
      await new Promise((next) => setImmediate(next));
      tracer.startSpan("charge card").end();
      resolve([body, propagation.getActiveBaggage()?.getEntry("tenant")?.value]);
    });
  });
  await receiver.subscribeAsync("orders", { qos: 1 });
  const baggage = propagation.createBaggage({ tenant: { value: "a" } });
  await context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () =>
    tracer.startActiveSpan("place order", async (span) => {
      await publish(sender, "orders", { id: 42 });
      span.end();
    }),
  );
  assert.deepEqual(await seen, [{ id: 42 }, "a"]);
  // The broker is told of the end after the span's.
  await new Promise((next) => setImmediate(next));

  const named = (name) => observed.spans().find((span) => span.name === name);
  const [placed, sent, processed, charged] = [
    "place order",
    "send orders",
    "process orders",
    "charge card",
  ].map(named);
  assert.equal(sent.parentSpanContext.spanId, placed.spanContext().spanId);
  assert.equal(processed.parentSpanContext.spanId, sent.spanContext().spanId);
  assert.equal(charged.parentSpanContext.spanId, processed.spanContext().spanId);
  assert.equal(processed.kind, SpanKind.CONSUMER);
  assert.equal(processed.attributes["messaging.system"], "mqtt");
  assert.equal(processed.attributes["messaging.destination.name"], "orders");
  assert.equal(observed.open().length, 0);
});
