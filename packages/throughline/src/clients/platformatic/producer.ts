import type { ProducerStream } from "@platformatic/kafka";
import { Destinations } from "../../destination.ts";
import { fault } from "../../guard.ts";
import { Call, type Ending, follow } from "../../run.ts";
import { openSend } from "../../send.ts";
import type { Sending } from "../../sending.ts";
import type { Tracing } from "../../tracing.ts";
import { viewWith } from "../../view.ts";
import { type Method, wrap } from "../../wrap.ts";
import { callWith } from "./callback.ts";
import { Encodings } from "./encoding.ts";
import { type SentMessage, sentAs } from "./sent.ts";
import { tracedStream } from "./stream.ts";

/** What the sends of one producer share, in a transaction or not. */
export class Sends {
  readonly tracing: Tracing;
  readonly destinations: Destinations;
  readonly encodings: Encodings;

  constructor(tracing: Tracing, producer: object) {
    this.tracing = tracing;
    this.destinations = new Destinations("kafka", tracing);
    this.encodings = new Encodings(producer);
  }

  /** A message as it is to be sent; undefined where the client will refuse it. */
  read(message: unknown): SentMessage | undefined {
    return sentAs(message, this.tracing.options.messageKey !== false);
  }

  /** Opens the send of one message by itself; undefined for a destination that is left alone. */
  open(message: SentMessage): Sending | undefined {
    const destination = this.destinations.of(message.topic);
    return destination.ignored ? undefined : openSend(destination, [message], 1);
  }

  /** What to give to the client for a message whose send is open. */
  replaced(message: SentMessage, headers: object | undefined): object {
    return message.with(headers, this.encodings, this.tracing.now().carrying.fields);
  }
}

/** A producer whose messages carry context: those of its transactions and its streams as well. */
export function tracedProducer<Client extends object>(producer: Client, tracing: Tracing): Client {
  const sends = new Sends(tracing, producer);
  return wrap(producer, {
    send: sending(sends),
    asStream: (own, self, args) =>
      tracedStream(Reflect.apply(own, self, args) as ProducerStream, producer, sends),
    beginTransaction(own, self, args) {
      const begun = (transaction: unknown): unknown =>
        transaction instanceof Object ? wrap(transaction, { send: sending(sends) }) : transaction;
      const [options, callback, ...others] = args;
      if (typeof callback !== "function") {
        return (Reflect.apply(own, self, args) as Promise<unknown>).then(begun);
      }
      const told = new Proxy(callback, {
        apply: (_callback, receiver, [error, transaction, ...rest]: unknown[]) =>
          Reflect.apply(callback, receiver, [error, begun(transaction), ...rest]),
      });
      return Reflect.apply(own, self, [options, told, ...others]);
    },
  });
}

function sending(sends: Sends): Method {
  return (own, self, args) => {
    let prepared: Prepared | undefined;
    try {
      prepared = prepare(args[0], sends);
    } catch (error) {
      fault("inject", error);
    }
    // What the client will refuse is handed to it as it is, so that it says so in its own words.
    if (prepared === undefined) return Reflect.apply(own, self, args);
    const { options, ending } = prepared;
    if (args.length > 1) return callWith(own, self, [options, ...args.slice(1)], ending);
    const send = own as (this: unknown, options: object) => unknown;
    return follow(new Call(send, self, options), undefined, ending);
  };
}

/** A call's options made anew, and what ends with the call: a send for each topic. */
interface Prepared {
  readonly options: object;
  readonly ending: Ending;
}

function prepare(options: unknown, sends: Sends): Prepared | undefined {
  if (options === null || typeof options !== "object") return undefined;
  const { messages } = options as { messages?: unknown };
  if (!Array.isArray(messages) || messages.length === 0) return undefined;
  const read: SentMessage[] = [];
  let topic: string | undefined;
  let several = false;
  for (const message of messages as unknown[]) {
    const sent = sends.read(message);
    if (sent === undefined) return undefined;
    several ||= topic !== undefined && sent.topic !== topic;
    topic = sent.topic;
    read.push(sent);
  }
  if (several) return prepareTopics(options, messages as object[], read, sends);
  // Most calls are for one topic.
  const destination = sends.destinations.of(topic as string);
  if (destination.ignored) return undefined;
  const send = openSend(destination, read, read.length);
  const replaced = read.map((each, at) => sends.replaced(each, send.headers[at]));
  return { options: withMessages(options, replaced), ending: send };
}

function prepareTopics(
  options: object,
  messages: readonly object[],
  read: readonly SentMessage[],
  sends: Sends,
): Prepared | undefined {
  const topics = new Map<string, number[]>();
  let inCall = 0;
  for (const [at, { topic }] of read.entries()) {
    if (sends.destinations.of(topic).ignored) continue;
    inCall += 1;
    const known = topics.get(topic);
    if (known === undefined) topics.set(topic, [at]);
    else known.push(at);
  }
  if (inCall === 0) return undefined;
  const replaced = [...messages];
  const opened = Array.from(topics, ([topic, places]) => {
    const own = places.map((at) => read[at] as SentMessage);
    const send = openSend(sends.destinations.of(topic), own, inCall);
    places.forEach((at, place) => {
      replaced[at] = sends.replaced(own[place] as SentMessage, send.headers[place]);
    });
    return send;
  });
  return { options: withMessages(options, replaced), ending: together(opened) };
}

function together(sends: readonly Sending[]): Ending {
  return {
    end(failed, error) {
      for (const send of sends) send.end(failed, error);
    },
  };
}

/** The client writes its defaults into the options that it is given: into a copy, where one can be made. */
function withMessages(options: object, messages: object[]): object {
  return Object.getPrototypeOf(options) === Object.prototype
    ? { ...options, messages }
    : viewWith(options, "messages", messages);
}
