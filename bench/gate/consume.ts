import type { ConsumerRunConfig, EachBatchPayload, EachMessagePayload } from "kafkajs";
import { captured, type Fetched } from "../records.ts";
import { StubKafka } from "../stub-kafka.ts";
import { Tally, tracers } from "../telemetry.ts";
import { telemetryOf, type Way } from "../ways/way.ts";
import type { CheckedVariant } from "./checked.ts";

const fetch = captured("plain");
// Held on to for good: the shape of a header object is otherwise forgotten with the last of them,
// and with it the code compiled for it. A consumer at work always has some messages.
const held = await fetch();
const BATCHES = held.length;
const MESSAGES = held.reduce((sum, { messages }) => sum + messages.length, 0);

const settled = async (): Promise<void> => {};
const pause = (): (() => void) => () => {};

/** The loops of kafkajs's runner, without what it does between two messages. */
async function deliver(
  { eachMessage, eachBatch }: ConsumerRunConfig,
  fetched: readonly Fetched[],
): Promise<void> {
  for (const batch of fetched) {
    if (eachMessage !== undefined) {
      const { topic, partition, messages } = batch;
      for (const message of messages) {
        const payload = { topic, partition, message, heartbeat: settled, pause };
        await eachMessage(payload satisfies EachMessagePayload);
      }
    } else {
      const payload = { batch, resolveOffset: settled, heartbeat: settled, isRunning: () => true };
      await eachBatch?.(payload as unknown as EachBatchPayload);
    }
  }
}

const nothing = async (): Promise<void> => {};

/** A way of handling messages, fed with captured ones: its application does nothing with them. */
export async function consuming(way: Way): Promise<CheckedVariant> {
  const tally = new Tally();
  const telemetry = telemetryOf(way, tracers(tally, way.sampled));
  let reached: ConsumerRunConfig | undefined;
  const kafka = way.client(StubKafka, { onRun: (config) => (reached = config) }, telemetry);
  await kafka.consumer({ groupId: "bench" }).run({ ...way.handlers(nothing, telemetry) });
  if (reached === undefined) throw new Error(`${way.id}: run() did not reach the consumer`);
  const config: ConsumerRunConfig = reached;
  const { aMessage, aBatch } = way.spans;
  return {
    id: way.id,
    messages: MESSAGES,
    async prepare() {
      const fetched = await fetch();
      return { run: () => deliver(config, fetched) };
    },
    tally,
    spansARun: way.sampled ? aMessage * MESSAGES + aBatch * BATCHES : 0,
  };
}
