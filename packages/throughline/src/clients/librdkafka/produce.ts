import type { Span } from "@opentelemetry/api";
import { describeKey } from "../../brokers/kafka/key.ts";
import { Destinations } from "../../destination.ts";
import { fault } from "../../guard.ts";
import { Call, follow } from "../../run.ts";
import { KAFKA_TOMBSTONE, PARTITION } from "../../semconv.ts";
import { openSend, type Outgoing } from "../../send.ts";
import type { Sending } from "../../sending.ts";
import type { Tracing } from "../../tracing.ts";
import { type Method, wrap } from "../../wrap.ts";
import { answeringMethods, inContext } from "./callbacks.ts";
import { Outstanding } from "./outstanding.ts";

/** Whether a producer takes such a value of a header, alone and with another after it. */
export type TakesHeader = (value: unknown) => boolean;

/** The places of the arguments of produce(); the high-level one has its headers where the other has an opaque. */
const TOPIC = 0;
const TIMESTAMP = 4;
const HIGH_LEVEL_HEADERS = 5;
const HEADERS = 6;

/**
 * A classic producer whose messages carry context. Its produce() answers at once, when librdkafka
 * has taken the message over: that is where the send span ends.
 */
export function tracedClassicProducer<Client extends object>(
  producer: Client,
  tracing: Tracing,
  takes: TakesHeader,
): Client {
  const destinations = new Destinations("kafka", tracing);
  const produce: Method = (own, self, args) => {
    const send = opened(args, args[HEADERS], destinations, takes);
    if (send === undefined) return Reflect.apply(own, self, args);
    const given = withHeaders(args, HEADERS, send);
    return follow(
      new Call(() => Reflect.apply(own, self, given) as unknown, undefined, undefined),
      undefined,
      send,
    );
  };
  return wrap(producer, { ...answeringMethods, produce });
}

/**
 * A high-level producer whose messages carry context. A send span ends when the callback of its
 * message is called, or with the connection; the callback runs in the context of the call.
 */
export function tracedHighLevelProducer<Client extends object>(
  producer: Client,
  tracing: Tracing,
  takes: TakesHeader,
): Client {
  const destinations = new Destinations("kafka", tracing);
  const outstanding = new Outstanding();
  const produce: Method = (own, self, args) => {
    // As the client has it: of six arguments the last is the callback, and there are no headers.
    const short = args.length === HEADERS;
    const callback = short ? args[HIGH_LEVEL_HEADERS] : args[HEADERS];
    const headers = short ? undefined : args[HIGH_LEVEL_HEADERS];
    // It never answers then, and fails when the message has arrived.
    if (typeof callback !== "function") return Reflect.apply(own, self, args);
    const send = opened(args, headers, destinations, takes);
    const delivered = inContext(callback);
    if (send === undefined) {
      return Reflect.apply(own, self, [...args.slice(0, short ? -1 : HEADERS), delivered]);
    }
    const all = short ? [...args.slice(0, HIGH_LEVEL_HEADERS), undefined] : args.slice(0, HEADERS);
    outstanding.add(send);
    const answer = function (this: unknown, ...answered: unknown[]): unknown {
      outstanding.end(send, Boolean(answered[0]), answered[0]);
      return Reflect.apply(delivered, this, answered);
    };
    try {
      return Reflect.apply(own, self, [...withHeaders(all, HIGH_LEVEL_HEADERS, send), answer]);
    } catch (error) {
      outstanding.end(send, true, error);
      throw error;
    }
  };
  return wrap(producer, {
    ...answeringMethods,
    produce,
    disconnect: outstanding.endsWith(),
  });
}

function opened(
  args: unknown[],
  headers: unknown,
  destinations: Destinations,
  takes: TakesHeader,
): Sending | undefined {
  try {
    const topic = args[TOPIC];
    // What the client refuses, or reads in a way of its own, is handed to it as it is.
    if (typeof topic !== "string" || topic === "" || !isTaken(headers, takes)) return undefined;
    const destination = destinations.of(topic);
    if (destination.ignored) return undefined;
    const withKey = destination.tracing.options.messageKey !== false;
    return openSend(destination, [outgoing(args, headers ?? [], withKey)], 1);
  } catch (error) {
    fault("inject", error);
    return undefined;
  }
}

/** No headers, or a list of objects that each name one: all that the native side reads without a surprise. */
function isTaken(headers: unknown, takes: TakesHeader): headers is object[] | undefined | null {
  if (headers === undefined || headers === null) return true;
  if (!Array.isArray(headers)) return false;
  return headers.every((header: unknown) => {
    if (header === null || typeof header !== "object" || Array.isArray(header)) return false;
    const [name] = Object.keys(header);
    return name !== undefined && takes(header[name as keyof typeof header]);
  });
}

function outgoing(args: unknown[], headers: object[], withKey: boolean): Outgoing {
  const [, partition, value, key] = args;
  return {
    // There is no message object: its headers stand for it, for links() and dead letters.
    message: headers,
    headers,
    describe(span: Span): void {
      if (withKey) describeKey(span, key);
      if (value === null) span.setAttribute(KAFKA_TOMBSTONE, true);
      if (typeof partition === "number" && partition >= 0) {
        span.setAttribute(PARTITION, String(partition));
      }
    },
  };
}

/** The arguments with the headers of their send; without any to add, as they were. */
function withHeaders(args: unknown[], at: number, send: Sending): unknown[] {
  const [headers] = send.headers as (unknown[] | undefined)[];
  if (headers === undefined) return args;
  const given = args[at] as unknown[] | undefined | null;
  if (headers.length === 0 && (given === undefined || given === null)) return args;
  const all = [...args];
  while (all.length < Math.max(at, TIMESTAMP)) all.push(undefined);
  all[at] = headers;
  return all;
}
