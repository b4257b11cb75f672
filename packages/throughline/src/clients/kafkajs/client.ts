import type { Consumer, ConsumerConfig, Kafka, Producer, Transaction } from "kafkajs";
import type { Tracing } from "../../tracing.ts";
import { wrap } from "../../wrap.ts";
import { tracedConsumer } from "./consumer.ts";
import { isInstrumented } from "./instrumented.ts";
import { tracedProducer } from "./producer.ts";

/** What of kafkajs is traced. */
export type Client = Kafka | Producer | Consumer | Transaction;

/** The traced one of a client of kafkajs, told by what it can do; undefined for any other object. */
export function tracedClient<Traced extends Client>(
  client: Traced,
  tracing: Tracing,
): Traced | undefined {
  if (isKafka(client)) return tracedKafka(client, tracing);
  if ("run" in client && "subscribe" in client) {
    return knownConsumer(client, tracing, undefined) as Traced;
  }
  if ("send" in client && "sendBatch" in client) return knownProducer(client, tracing) as Traced;
  return undefined;
}

function isKafka(client: Client): client is Client & Kafka {
  return "producer" in client && "consumer" in client;
}

function tracedKafka<Traced extends Kafka>(kafka: Traced, tracing: Tracing): Traced {
  return wrap(kafka, {
    producer: (own, self, args) =>
      knownProducer(Reflect.apply(own, self, args) as Producer, tracing),
    consumer(own, self, args) {
      const made = Reflect.apply(own, self, args) as Consumer;
      const { groupId } = (args[0] ?? {}) as Partial<ConsumerConfig>;
      return knownConsumer(made, tracing, groupId);
    },
  });
}

function knownProducer<Traced extends Producer | Transaction>(
  producer: Traced,
  tracing: Tracing,
): Traced {
  return isInstrumented(producer.send) ? producer : tracedProducer(producer, tracing);
}

function knownConsumer(
  consumer: Consumer,
  tracing: Tracing,
  groupId: string | undefined,
): Consumer {
  return tracedConsumer(consumer, tracing, {
    groupId,
    instrumented: isInstrumented(consumer.run),
  });
}
