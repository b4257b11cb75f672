import assert from "node:assert/strict";
import { test } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import { memoryBroker } from "throughline/testing";
import { scenes, Stage } from "./kafkajs-scenarios.ts";

// The memory broker is worth as much as it is like a Kafka: every scene is played on both.

const brokers = process.env["KAFKA_BROKERS"]?.split(",");
const skip =
  brokers === undefined && "no real Kafka: set KAFKA_BROKERS, or install java and mvn for npm test";

for (const [name, { scene, seen }] of Object.entries(scenes)) {
  const play = async (kafka: Kafka): Promise<void> => {
    const stage = new Stage(kafka);
    try {
      await stage.setTopic();
      assert.deepEqual(await scene(stage), seen);
    } finally {
      await stage.close();
    }
  };
  test(`in memory: ${name}`, { timeout: 10_000 }, () => play(memoryBroker().kafka));
  test(`on a real Kafka: ${name}`, { skip, timeout: 60_000 }, () =>
    play(new Kafka({ brokers: brokers ?? [], logLevel: logLevel.NOTHING })),
  );
}
