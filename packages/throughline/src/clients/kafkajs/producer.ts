import type { Producer, ProducerBatch, ProducerRecord, Transaction } from "kafkajs";
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

/** A producer, or the transaction of one, whose messages carry context. */
export function tracedProducer<Client extends Producer | Transaction>(
  producer: Client,
  tracing: Tracing,
): Client {
  const destinations = new Destinations("kafka", tracing);
  return wrap(producer, {
    send: sending(prepareSend, destinations),
    sendBatch: sending(prepareSendBatch, destinations),
    transaction(own, self, args) {
      const begun = Reflect.apply(own, self, args) as Promise<Transaction>;
      return begun.then((transaction) => tracedProducer(transaction, tracing));
    },
  });
}

function prepareSend(record: unknown, destinations: Destinations): Prepared | undefined {
  if (record === null || typeof record !== "object") return undefined;
  const { topic, messages, acks, timeout, compression } = record as Partial<ProducerRecord>;
  const read = readMessages(topic, messages, destinations, sentAs);
  if (typeof read === "string") return undefined;
  const send = openSend(read.destination, read.messages, read.messages.length);
  return {
    argument: { acks, timeout, compression, topic, messages: written(read, send) },
    ending: send.ends ? send : undefined,
  };
}

function prepareSendBatch(batch: unknown, destinations: Destinations): Prepared | undefined {
  if (batch === null || typeof batch !== "object") return undefined;
  const { topicMessages, acks, timeout, compression } = batch as Partial<ProducerBatch>;
  if (!Array.isArray(topicMessages)) return undefined;
  const topics = topicMessages.map(({ topic, messages }) => ({
    topic,
    messages,
    read: readMessages(topic, messages, destinations, sentAs),
  }));
  const inCall = countOf(topics);
  if (inCall === undefined) return undefined;
  const sends: Sending[] = [];
  const traced = topics.map(({ topic, messages, read }) => {
    if (typeof read === "string") return { topic, messages };
    const send = openSend(read.destination, read.messages, inCall);
    sends.push(send);
    return { topic, messages: written(read, send) };
  });
  return {
    argument: { acks, timeout, compression, topicMessages: traced },
    ending: together(sends),
  };
}
