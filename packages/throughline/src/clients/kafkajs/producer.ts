import type { Producer, ProducerBatch, ProducerRecord, Transaction } from "kafkajs";
import { Destinations } from "../../destination.ts";
import { fault } from "../../guard.ts";
import { Call, type Ending, follow } from "../../run.ts";
import { openSend } from "../../send.ts";
import type { Sending } from "../../sending.ts";
import type { Tracing } from "../../tracing.ts";
import { type Method, wrap } from "../../wrap.ts";
import { sentAs, type SentMessage } from "./sent.ts";

/** A producer, or the transaction of one, whose messages carry context. */
export function tracedProducer<Client extends Producer | Transaction>(
  producer: Client,
  tracing: Tracing,
): Client {
  const destinations = new Destinations("kafka", tracing);
  return wrap(producer, producerMethods(destinations, tracing));
}

function producerMethods(destinations: Destinations, tracing: Tracing): Record<string, Method> {
  return {
    send: (own, self, args) => sending(prepareSend, destinations, own, self, args),
    sendBatch: (own, self, args) => sending(prepareSendBatch, destinations, own, self, args),
    transaction(own, self, args) {
      const begun = Reflect.apply(own, self, args) as Promise<Transaction>;
      return begun.then((transaction) => tracedProducer(transaction, tracing));
    },
  };
}

/** A call's argument made anew, and what ends with the call. */
interface Prepared {
  readonly argument: object;
  readonly ending: Ending;
}

function sending(
  prepare: (args: unknown[], destinations: Destinations) => Prepared | undefined,
  destinations: Destinations,
  own: Function,
  self: object,
  args: unknown[],
): unknown {
  let prepared: Prepared | undefined;
  try {
    prepared = prepare(args, destinations);
  } catch (error) {
    fault("inject", error);
  }
  // What kafkajs will refuse is handed to it as it is, so that it says so in its own words.
  if (prepared === undefined) return Reflect.apply(own, self, args);
  const { argument, ending } = prepared;
  return follow(new Call(callWith(own, args), self, argument), undefined, ending);
}

/** The client's own method as a function of its first argument, the others as they were given. */
function callWith(own: Function, args: unknown[]): (this: unknown, argument: object) => unknown {
  if (args.length === 1) return own as (argument: object) => unknown;
  return function withOthers(this: unknown, argument) {
    return Reflect.apply(own, this, [argument, ...args.slice(1)]) as unknown;
  };
}

function prepareSend(args: unknown[], destinations: Destinations): Prepared | undefined {
  const record = args[0] as Partial<ProducerRecord> | undefined;
  if (record === null || typeof record !== "object") return undefined;
  const { topic, messages, acks, timeout, compression } = record;
  const read = readMessages(topic, messages, destinations);
  if (read === "refused" || read === "left alone") return undefined;
  const send = openSend(destinations.of(topic as string), read, read.length);
  const sent = { acks, timeout, compression, topic, messages: withHeaders(read, send) };
  return { argument: sent, ending: send };
}

function prepareSendBatch(args: unknown[], destinations: Destinations): Prepared | undefined {
  const batch = args[0] as Partial<ProducerBatch> | undefined;
  if (batch === null || typeof batch !== "object") return undefined;
  const { topicMessages, acks, timeout, compression } = batch;
  if (!Array.isArray(topicMessages)) return undefined;
  const topics = topicMessages.map(({ topic, messages }) => ({
    topic,
    messages,
    read: readMessages(topic, messages, destinations),
  }));
  let inCall = 0;
  for (const { read } of topics) {
    if (read === "refused") return undefined;
    if (read !== "left alone") inCall += read.length;
  }
  const sends: Sending[] = [];
  const traced = topics.map(({ topic, messages, read }) => {
    if (read === "left alone") return { topic, messages };
    const sent = read as readonly SentMessage[];
    const send = openSend(destinations.of(topic), sent, inCall);
    sends.push(send);
    return { topic, messages: withHeaders(sent, send) };
  });
  return { argument: { acks, timeout, compression, topicMessages: traced }, ending: all(sends) };
}

/** The sends of one call, which end together. */
function all(sends: readonly Sending[]): Ending {
  return {
    end(failed, error) {
      for (const send of sends) send.end(failed, error);
    },
  };
}

/**
 * Refused are messages that kafkajs is not going to send; left alone those of a topic that the
 * application wants to be, or none at all.
 */
function readMessages(
  topic: unknown,
  messages: unknown,
  destinations: Destinations,
): readonly SentMessage[] | "refused" | "left alone" {
  if (typeof topic !== "string" || topic === "" || !Array.isArray(messages)) return "refused";
  const { ignored, tracing } = destinations.of(topic);
  if (messages.length === 0 || ignored) return "left alone";
  const withKey = tracing.options.messageKey !== false;
  const read: SentMessage[] = [];
  for (const message of messages as unknown[]) {
    const sent = sentAs(message, withKey);
    if (sent === undefined) return "refused";
    read.push(sent);
  }
  return read;
}

/** The messages to give to kafkajs, with the headers of their send. */
function withHeaders(read: readonly SentMessage[], { headers }: Sending): object[] {
  return read.map((message, at) => message.with(headers[at]));
}
