import type { Destination, Destinations } from "../../destination.ts";
import { fault } from "../../guard.ts";
import { type Ending, followMethod } from "../../run.ts";
import type { Outgoing } from "../../send.ts";
import type { Sending } from "../../sending.ts";
import type { Method } from "../../wrap.ts";

// send() and sendBatch() as kafkajs has them, and Confluent's client in its image: what they share.

/** A message of a send, read once, and as it is to be given to the client. */
export interface SentMessage extends Outgoing {
  /** With other headers; as it was given where there are none to change. */
  with(changed: object | undefined): object;
}

/** Reads a message of the application's; undefined where the client is going to refuse it. */
export type SentAs = (message: unknown, withKey: boolean) => SentMessage | undefined;

/**
 * What a call has for one topic. Refused is what the client is not going to send; left alone what
 * the application wants to be, or no messages at all.
 */
export type Read = ToSend | "refused" | "left alone";

/** Messages to open a send for. */
export interface ToSend {
  readonly destination: Destination;
  readonly messages: readonly SentMessage[];
}

export function readMessages(
  topic: unknown,
  messages: unknown,
  destinations: Destinations,
  sentAs: SentAs,
): Read {
  if (typeof topic !== "string" || topic === "" || !Array.isArray(messages)) return "refused";
  const destination = destinations.of(topic);
  if (messages.length === 0 || destination.ignored) return "left alone";
  const withKey = destination.tracing.options.messageKey !== false;
  const first = sentAs(messages[0], withKey);
  if (first === undefined) return "refused";
  const read = [first];
  for (let at = 1; at < messages.length; at++) {
    const sent = sentAs(messages[at], withKey);
    if (sent === undefined) return "refused";
    read.push(sent);
  }
  return { destination, messages: read };
}

/** How many messages a call over several topics sends; undefined where any of it will be refused. */
export function countOf(topics: readonly { readonly read: Read }[]): number | undefined {
  let count = 0;
  for (const { read } of topics) {
    if (read === "refused") return undefined;
    if (read !== "left alone") count += read.messages.length;
  }
  return count;
}

/** What the client gets in place of one topic's messages. */
export function written({ messages }: ToSend, { headers }: Sending): object[] {
  const written = [(messages[0] as SentMessage).with(headers[0])];
  for (let at = 1; at < messages.length; at++) {
    written.push((messages[at] as SentMessage).with(headers[at]));
  }
  return written;
}

/** A call's argument made anew, and what ends with the call: undefined where nothing does. */
export interface Prepared {
  readonly argument: object;
  readonly ending: Ending | undefined;
}

/** Works out what to call the client with; undefined where the call is to be left as it is. */
export type Prepare = (argument: unknown, destinations: Destinations) => Prepared | undefined;

/** A method that sends. */
export function sending(prepare: Prepare, destinations: Destinations): Method {
  return (own, self, args) => {
    let prepared: Prepared | undefined;
    try {
      prepared = prepare(args[0], destinations);
    } catch (error) {
      fault("inject", error);
    }
    // What the client will refuse is handed to it as it is, so that it says so in its own words.
    if (prepared === undefined) return Reflect.apply(own, self, args);
    // The list is the proxy's own, made for this call.
    args[0] = prepared.argument;
    const { ending } = prepared;
    // Where nothing ends, nothing waits: the client's own promise is given back.
    if (ending === undefined) return Reflect.apply(own, self, args);
    return followMethod(own, self, args, ending);
  };
}

/** The sends of one call, which end together; undefined where nothing ends with any of them. */
export function together(sends: readonly Sending[]): Ending | undefined {
  if (!sends.some((send) => send.ends)) return undefined;
  return {
    end(failed, error) {
      for (const send of sends) send.end(failed, error);
    },
  };
}
