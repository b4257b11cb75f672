import type { KafkaJS } from "@confluentinc/kafka-javascript";
import { Destinations } from "../../destination.ts";
import { fault } from "../../guard.ts";
import { Call, follow } from "../../run.ts";
import { openSend } from "../../send.ts";
import type { Sending } from "../../sending.ts";
import type { Tracing } from "../../tracing.ts";
import { type Method, wrap } from "../../wrap.ts";
import { sentAs, type SentMessage } from "./sent.ts";

/** A producer of the promised interface, which is its own transaction, whose messages carry context. */
export function tracedProducer<Client extends KafkaJS.Producer>(
  producer: Client,
  tracing: Tracing,
): Client {
  const destinations = new Destinations("kafka", tracing);
  const sending = (prepare: typeof prepareSend): Method => {
    return (own, self, args) => {
      let prepared: Prepared | undefined;
      try {
        prepared = prepare(args[0], destinations);
      } catch (error) {
        fault("inject", error);
      }
      // What the client will refuse is handed to it as it is, so that it says so in its own words.
      if (prepared === undefined) return Reflect.apply(own, self, args);
      const { argument, sends } = prepared;
      const call = (): unknown => Reflect.apply(own, self, [argument, ...args.slice(1)]);
      return follow(new Call(call, undefined, undefined), undefined, {
        end(failed, error) {
          for (const send of sends) send.end(failed, error);
        },
      });
    };
  };
  return wrap(producer, {
    send: sending(prepareSend),
    // On the client itself sendBatch calls send, which is the bare one there: one span a message.
    sendBatch: sending(prepareSendBatch),
    transaction(own, self, args) {
      const begun = Reflect.apply(own, self, args) as Promise<object>;
      // It resolves to the producer, and is to resolve to the traced one.
      return begun.then((transaction) =>
        transaction === self ? wrap(transaction, {}) : transaction,
      );
    },
  });
}

/** A call with its argument made anew, and the sends that it comes to. */
interface Prepared {
  readonly argument: object;
  readonly sends: readonly Sending[];
}

type Read = readonly SentMessage[] | "refused" | "left alone";

function prepareSend(record: unknown, destinations: Destinations): Prepared | undefined {
  if (!isTaken(record)) return undefined;
  const { topic, messages } = record;
  const read = readMessages(topic, messages, destinations);
  if (read === "refused" || read === "left alone") return undefined;
  const send = openSend(destinations.of(topic as string), read, read.length);
  return { argument: { topic, messages: withHeaders(read, send) }, sends: [send] };
}

function prepareSendBatch(batch: unknown, destinations: Destinations): Prepared | undefined {
  if (!isTaken(batch)) return undefined;
  const { topicMessages } = batch;
  if (!Array.isArray(topicMessages) || !topicMessages.every(isTaken)) return undefined;
  const topics = topicMessages.map((record) => {
    const { topic, messages } = record;
    return { topic, record, read: readMessages(topic, messages, destinations) };
  });
  let inCall = 0;
  for (const { read } of topics) {
    if (read === "refused") return undefined;
    if (read !== "left alone") inCall += read.length;
  }
  const sends: Sending[] = [];
  const traced = topics.map(({ topic, record, read }) => {
    if (typeof read === "string") return record;
    const send = openSend(destinations.of(topic as string), read, inCall);
    sends.push(send);
    return { topic, messages: withHeaders(read, send) };
  });
  return { argument: { topicMessages: traced }, sends };
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

function readMessages(topic: unknown, messages: unknown, destinations: Destinations): Read {
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

function withHeaders(read: readonly SentMessage[], { headers }: Sending): object[] {
  return read.map((message, at) => message.with(headers[at]));
}
