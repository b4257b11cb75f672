import type { Message, Producer, ProducerBatch, ProducerRecord, Transaction } from "kafkajs";
import { Destinations } from "../../destination.ts";
import { fault } from "../../guard.ts";
import { Call, follow } from "../../run.ts";
import { openSend, type Outgoing } from "../../send.ts";
import type { Sending } from "../../sending.ts";
import { KAFKA_TOMBSTONE, PARTITION } from "../../semconv.ts";
import type { Tracing } from "../../tracing.ts";
import { type Method, wrap } from "../../wrap.ts";
import { describeKey } from "./format.ts";
import { sentAs } from "./sent.ts";

type Send = (record: ProducerRecord) => unknown;
type SendBatch = (batch: ProducerBatch) => unknown;

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
    send(target, args) {
      const { send } = target as { send: Send };
      return sending(() => prepareSend(args, destinations), send, target, args);
    },
    sendBatch(target, args) {
      const { sendBatch } = target as { sendBatch: SendBatch };
      return sending(() => prepareSendBatch(args, destinations), sendBatch, target, args);
    },
    transaction(target, args) {
      const begun: Promise<Transaction> = Reflect.apply(
        (target as Producer).transaction,
        target,
        args,
      );
      return begun.then((transaction) => tracedProducer(transaction, tracing));
    },
  };
}

/** A call with its argument made anew, and the sends that it comes to. */
interface Prepared {
  readonly argument: object;
  readonly sends: readonly Sending[];
}

function sending(
  prepare: () => Prepared | undefined,
  method: (argument: never) => unknown,
  target: object,
  args: unknown[],
): unknown {
  let prepared: Prepared | undefined;
  try {
    prepared = prepare();
  } catch (error) {
    fault("inject", error);
  }
  // What kafkajs will refuse is handed to it as it is, so that it says so in its own words.
  if (prepared === undefined) return Reflect.apply(method, target, args);
  const { argument, sends } = prepared;
  const call = (): unknown => Reflect.apply(method, target, [argument, ...args.slice(1)]);
  return follow(new Call(call, undefined, undefined), undefined, {
    end(failed, error) {
      for (const send of sends) send.end(failed, error);
    },
  });
}

function prepareSend(args: unknown[], destinations: Destinations): Prepared | undefined {
  const record = args[0] as Partial<ProducerRecord> | undefined;
  if (record === null || typeof record !== "object") return undefined;
  const { topic, messages, acks, timeout, compression } = record;
  const read = readMessages(topic, messages, destinations);
  if (read === "refused" || read === "left alone") return undefined;
  const send = openSend(destinations.of(topic as string), read.outgoing, read.outgoing.length);
  const sent = { acks, timeout, compression, topic, messages: read.withHeaders(send.headers) };
  return { argument: sent, sends: [send] };
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
    if (read !== "left alone") inCall += read.outgoing.length;
  }
  const sends: Sending[] = [];
  const traced = topics.map(({ topic, messages, read }) => {
    if (read === "left alone") return { topic, messages };
    const { outgoing, withHeaders } = read as ReadMessages;
    const send = openSend(destinations.of(topic), outgoing, inCall);
    sends.push(send);
    return { topic, messages: withHeaders(send.headers) };
  });
  return { argument: { acks, timeout, compression, topicMessages: traced }, sends };
}

interface ReadMessages {
  readonly outgoing: readonly Outgoing[];
  /** The messages to give to kafkajs, with these headers in place of their own. */
  withHeaders(headers: readonly (object | undefined)[]): object[];
}

/**
 * Refused are those that kafkajs is not going to send; left alone those of a topic that the
 * application wants to be, or none at all.
 */
function readMessages(
  topic: unknown,
  messages: unknown,
  destinations: Destinations,
): ReadMessages | "refused" | "left alone" {
  if (typeof topic !== "string" || topic === "" || !Array.isArray(messages)) return "refused";
  if (messages.length === 0 || destinations.of(topic).ignored) return "left alone";
  const read = messages.map((message: Message) => sentAs(message));
  if (read.some((message) => message === undefined)) return "refused";
  const { messageKey } = destinations.of(topic).tracing.options;
  const outgoing = read.map((message) => {
    const { original, headers, key, value, partition } = message as NonNullable<typeof message>;
    return {
      message: original,
      headers,
      describe(span: Parameters<Outgoing["describe"]>[0]): void {
        if (messageKey !== false) describeKey(span, key);
        if (value === null) span.setAttribute(KAFKA_TOMBSTONE, true);
        if (typeof partition === "number") span.setAttribute(PARTITION, String(partition));
      },
    };
  });
  return {
    outgoing,
    withHeaders: (headers) =>
      read.map((message, at) => (message as NonNullable<typeof message>).with(headers[at])),
  };
}
