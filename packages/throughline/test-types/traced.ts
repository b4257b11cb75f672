// traced() gives back the type it was given, for whatever of kafkajs's clients a user holds.
import { Kafka } from "kafkajs";
import type { Consumer, Producer } from "kafkajs";
import { traced } from "throughline/kafkajs";

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const kafka = new Kafka({ brokers: ["127.0.0.1:9092"] });
const tracedKafka = traced(kafka);
same<typeof tracedKafka, Kafka>(true);

const tracedProducer = traced(kafka.producer());
same<typeof tracedProducer, Producer>(true);

const tracedConsumer = traced(kafka.consumer({ groupId: "payments" }));
same<typeof tracedConsumer, Consumer>(true);

class OwnKafka extends Kafka {
  readonly region: string = "eu";
}
const own = traced(new OwnKafka({ brokers: [] }));
same<typeof own, OwnKafka>(true);

// @ts-expect-error an admin client sends and receives no message
traced(kafka.admin());

// @ts-expect-error a relation of that name does not exist
traced(kafka, { relation: "sibling" });
