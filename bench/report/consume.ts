import { randomUUID } from "node:crypto";
import { type Consumer, Kafka, logLevel } from "kafkajs";
import type { Variant } from "../measure.ts";
import type { Spans } from "../results.ts";
import { tracers } from "../telemetry.ts";
import { telemetryOf, type Way } from "../ways/way.ts";
import { Exporting } from "./exporting.ts";

/** Records on a real Kafka: the same number in each of some topics. */
export interface Stock {
  readonly brokers: string;
  readonly topics: readonly string[];
  readonly perTopic: number;
}

/** A consumer that has joined its group and is about to fetch, and the moment when it has had all records. */
interface Joined {
  readonly consumer: Consumer;
  readonly done: Promise<void>;
}

/** A variant that exports its spans. */
export interface ExportingVariant extends Variant {
  spans(): Spans;
}

/** A way of handling messages, on a real Kafka: one topic a run, each with a consumer of its own. */
export function consumingFrom({ brokers, topics, perTopic }: Stock, way: Way): ExportingVariant {
  const exporting = new Exporting();
  const telemetry = telemetryOf(way, tracers(exporting, way.sampled));
  const config = { brokers: brokers.split(","), logLevel: logLevel.NOTHING };
  let runs = 0;

  async function join(topic: string): Promise<Joined> {
    const consumer = way
      .client(Kafka, config, telemetry)
      .consumer({ groupId: `bench-${randomUUID()}`, maxWaitTimeInMs: 100 });
    const joined = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    let seen = 0;
    consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
    // A batch has ended when its spans have, wherever these are ended.
    consumer.on(consumer.events.END_BATCH_PROCESS, () => {
      if (seen >= perTopic) done.resolve();
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (payload.restart) return;
      joined.reject(payload.error);
      done.reject(payload.error);
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const work = async (): Promise<void> => {
      seen += 1;
    };
    await consumer.run({ ...way.handlers(work, telemetry) });
    // Awaited by whoever runs it; a crash before that must not end the process unasked.
    done.promise.catch(() => {});
    await joined.promise;
    return { consumer, done: done.promise };
  }

  return {
    id: way.id,
    messages: perTopic,
    spans: () => exporting.spans,
    async prepare() {
      const { consumer, done } = await join(topics[runs++ % topics.length] as string);
      return {
        run: () => done,
        async after() {
          await consumer.disconnect();
          await exporting.forceFlush();
        },
      };
    },
  };
}
