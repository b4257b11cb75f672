import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { drivers } from "../../services/all.ts";
import { serversFor } from "./needs.mjs";

const root = join(import.meta.dirname, "../..");
const all = await drivers();
const needs = (...files) =>
  serversFor(
    root,
    files.map((file) => `packages/throughline/test/${file}`),
    all,
  );

test("a test that talks to no broker starts none", () => {
  assert.deepEqual(needs("dead-letter.test.ts", "batch.test.ts"), []);
});

test("a server is started for a file that names its variable, or names a file that does", () => {
  assert.deepEqual(needs("contract-kafkajs.test.ts"), ["kafka"]);
  assert.deepEqual(needs("contract-amqplib.test.ts"), ["rabbitmq"]);
  assert.deepEqual(needs("contract-sqs.test.ts", "batch.test.ts"), ["elasticmq", "fauxqs"]);
});

test("where whole programs are tested every server is started", () => {
  assert.equal(serversFor(root, ["examples/order-pipeline/test/pipeline.test.ts"], all), undefined);
});
