import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { oldestOf, setsOf } from "../versions/oldest.mjs";

const root = join(import.meta.dirname, "../..");
const read = (file) => JSON.parse(readFileSync(join(root, file), "utf8"));
const { peerDependencies } = read("packages/throughline/package.json");
const { devDependencies } = read("package.json");

test("the oldest version that a peer's range admits is its lower end, and a range without one is refused", () => {
  assert.equal(oldestOf("^3.600.0"), "3.600.0");
  assert.equal(oldestOf(">=0.10.0 <3"), "0.10.0");
  for (const range of ["3.x", "*", "<3", "^2 || ^3"])
    assert.throws(() => oldestOf(range), /no oldest/);
});

test("each client among the library's peers is tried in its oldest version, or is the one that other tests run", () => {
  const { sets, asTested, compiled } = setsOf(peerDependencies, devDependencies);
  const tried = sets.flatMap(({ clients }) => Object.keys(clients));
  const clients = Object.keys(peerDependencies).filter((name) => name !== "@opentelemetry/api");
  assert.deepEqual(new Set([...tried, ...asTested, ...compiled]), new Set(clients));
  for (const { clients: versions, name } of sets) {
    for (const [client, version] of Object.entries(versions)) {
      // Beside sqs-consumer stands the lowest client of SQS that it takes.
      if (name === "sqs-consumer" && client !== name) continue;
      assert.equal(version, oldestOf(peerDependencies[client]));
    }
  }
});

test("a peer that nothing tries is refused by its name", () => {
  const peers = { ...peerDependencies, nats: "^2.0.0" };
  assert.throws(() => setsOf(peers, devDependencies), /no set tries nats/);
  const older = { ...peerDependencies, "node-rdkafka": "^3.0.0" };
  assert.throws(() => setsOf(older, devDependencies), /nothing builds the oldest node-rdkafka/);
});
