import type { KafkaJS, RdKafka } from "@confluentinc/kafka-javascript";
import type { Tracing } from "../../tracing.ts";
import { wrap } from "../../wrap.ts";
import { tracedClassic } from "../librdkafka/classic.ts";
import { isHeaderValue } from "../librdkafka/format.ts";
import { tracedConsumer } from "./consumer.ts";
import { tracedProducer } from "./producer.ts";

/** What of Confluent's client is traced, in both of its interfaces. */
export type Client =
  | KafkaJS.Kafka
  | KafkaJS.Producer
  | KafkaJS.Consumer
  | RdKafka.Producer
  | RdKafka.HighLevelProducer
  | RdKafka.KafkaConsumer;

/** The traced one of a client of Confluent's, told by what it can do; undefined for any other object. */
export function tracedClient<Traced extends Client>(
  client: Traced,
  tracing: Tracing,
): Traced | undefined {
  if (isKafka(client)) return tracedKafka(client, tracing);
  if ("run" in client && "subscribe" in client) {
    return tracedConsumer(client, tracing, undefined) as Traced;
  }
  if ("send" in client && "sendBatch" in client) {
    return tracedProducer(client, tracing) as Traced;
  }
  return tracedClassic(client, tracing, isHeaderValue);
}

function isKafka(client: Client): client is Client & KafkaJS.Kafka {
  return "producer" in client && "consumer" in client;
}

function tracedKafka<Traced extends KafkaJS.Kafka>(kafka: Traced, tracing: Tracing): Traced {
  return wrap(kafka, {
    producer: (own, self, args) =>
      tracedProducer(Reflect.apply(own, self, args) as KafkaJS.Producer, tracing),
    consumer: (own, self, args) =>
      tracedConsumer(Reflect.apply(own, self, args) as KafkaJS.Consumer, tracing, groupIn(args[0])),
  });
}

/** The group that a consumer is configured with, in either spelling. */
function groupIn(config: unknown): string | undefined {
  const { kafkaJS, "group.id": group } = (config ??
    {}) as Partial<KafkaJS.ConsumerConstructorConfig>;
  return kafkaJS?.groupId ?? group;
}
