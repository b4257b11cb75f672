import type { KafkaJS } from "@confluentinc/kafka-javascript";
import { Destinations } from "../../destination.ts";
import { openSend } from "../../send.ts";
import type { Sending } from "../../sending.ts";
import type { Tracing } from "../../tracing.ts";
import { wrap } from "../../wrap.ts";
import {
  countOf,
  type Prepared,
  readMessages,
  sending,
  together,
  written,
} from "../kafkajs-api/sending.ts";
import { sentAs } from "./sent.ts";

/** A producer of the promised interface, which is its own transaction, whose messages carry context. */
export function tracedProducer<Client extends KafkaJS.Producer>(
  producer: Client,
  tracing: Tracing,
): Client {
  const destinations = new Destinations("kafka", tracing);
  return wrap(producer, {
    send: sending(prepareSend, destinations),
    // On the client itself sendBatch calls send, which is the bare one there: one span a message.
    sendBatch: sending(prepareSendBatch, destinations),
    transaction(own, self, args) {
      const begun = Reflect.apply(own, self, args) as Promise<object>;
      // It resolves to the producer, and is to resolve to the traced one.
      return begun.then((transaction) =>
        transaction === self ? wrap(transaction, {}) : transaction,
      );
    },
  });
}

function prepareSend(record: unknown, destinations: Destinations): Prepared | undefined {
  if (!isTaken(record)) return undefined;
  const { topic, messages } = record;
  const read = readMessages(topic, messages, destinations, sentAs);
  if (typeof read === "string") return undefined;
  const send = openSend(read.destination, read.messages, read.messages.length);
  return {
    argument: { topic, messages: written(read, send) },
    ending: send.ends ? send : undefined,
  };
}

function prepareSendBatch(batch: unknown, destinations: Destinations): Prepared | undefined {
  if (!isTaken(batch)) return undefined;
  const { topicMessages } = batch;
  if (!Array.isArray(topicMessages) || !topicMessages.every(isTaken)) return undefined;
  const topics = topicMessages.map((record) => {
    const { topic, messages } = record;
    return { topic, record, read: readMessages(topic, messages, destinations, sentAs) };
  });
  const inCall = countOf(topics);
  if (inCall === undefined) return undefined;
  const sends: Sending[] = [];
  const traced = topics.map(({ topic, record, read }) => {
    if (typeof read === "string") return record;
    const send = openSend(read.destination, read.messages, inCall);
    sends.push(send);
    return { topic, messages: written(read, send) };
  });
  return { argument: { topicMessages: traced }, ending: together(sends) };
}

/** The client takes an object without these, which belong to its configuration. */
function isTaken(given: unknown): given is Record<string, unknown> {
  return (
    given instanceof Object &&
    !Object.hasOwn(given, "acks") &&
    !Object.hasOwn(given, "timeout") &&
    !Object.hasOwn(given, "compression")
  );
}
