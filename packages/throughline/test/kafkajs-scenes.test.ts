import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import { traced } from "throughline/kafkajs";
import { memoryBroker } from "throughline/testing";
import { scenes, Stage } from "./kafkajs-scenarios.ts";
import { tracing, type Tracing } from "./sdk.ts";

// The host first, at a broker: each scene of what an application sees of kafkajs is played with
// traced clients, and comes to what testing-memory-scenes.test.ts sees of bare ones.

const brokers = process.env["KAFKA_BROKERS"]?.split(",");
const skip =
  brokers === undefined && "no real Kafka: set KAFKA_BROKERS, or install java and mvn for npm test";

let observed: Tracing;
before(() => {
  observed = tracing();
});
after(() => observed.shutdown());

/** What was seen but for the header that is ours. */
function withoutTrace(seen: unknown): unknown {
  if (seen === null || typeof seen !== "object" || Buffer.isBuffer(seen)) return seen;
  if (Array.isArray(seen)) return seen.map(withoutTrace);
  const own = Object.entries(seen).filter(([name]) => name !== "traceparent");
  return Object.fromEntries(own.map(([name, value]) => [name, withoutTrace(value)]));
}

for (const [name, { scene, seen }] of Object.entries(scenes)) {
  const play = async (kafka: Kafka): Promise<void> => {
    observed.reset();
    const stage = new Stage(traced(kafka));
    try {
      await stage.setTopic();
      assert.deepEqual(withoutTrace(await scene(stage)), seen);
    } finally {
      await stage.close();
    }
    assert.ok(observed.spans().length > 0, "nothing was traced");
    assert.deepEqual(observed.open(), [], "a span was left open");
  };
  test(`traced, in memory: ${name}`, { timeout: 10_000 }, () => play(memoryBroker().kafka));
  test(`traced, on a real Kafka: ${name}`, { skip, timeout: 60_000 }, () =>
    play(new Kafka({ brokers: brokers ?? [], logLevel: logLevel.NOTHING })),
  );
}
