import { context, type Context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import {
  type Consumer,
  consumerReceivesChannel,
  type Message,
  type MessageToProduce,
  type Producer,
  stringSerializers,
} from "@platformatic/kafka";
import { processMessage, traced } from "throughline/platformatic";
import type { CheckedVariant } from "../gate/checked.ts";
import { Tally, tracers } from "../telemetry.ts";
import { platformaticPeer } from "./platformatic-peer.ts";
import { StubConsumer, StubProducer } from "./stub-platformatic.ts";

const MESSAGES = 600;
/** A fetch brings so many. */
const IN_ONE_FETCH = 100;

type Text = Message<string, string, string, string>;
type Handler = (message: Text) => Promise<void>;
type Scoped = (message: Text, handler: Handler) => unknown;

const REQUEST: Context = trace.setSpanContext(ROOT_CONTEXT, {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: 1,
});

function delivered(at: number, consumer: object): Text {
  const id = (at + 1).toString(16).padStart(16, "0");
  const entries: [string, string][] = [
    ["content-type", "application/json"],
    ["event-type", "order.placed"],
    ["traceparent", `00-${id}${id}-${id}-01`],
  ];
  return {
    key: `order-${at}`,
    value: '{"id":1,"sku":"9ad2f10c","quantity":2}',
    headers: new Map(entries),
    headerEntries: entries,
    topic: "orders",
    partition: 0,
    timestamp: 1_700_000_000_000n,
    offset: BigInt(at),
    leaderEpoch: 0,
    metadata: { consumer },
    commit: async () => {},
    toJSON: () => ({}) as never,
  };
}

async function handler(message: Text): Promise<void> {
  if (message.value === "") throw new Error("an empty order");
}

/** How messages of a stream are handled; what the client publishes of each is part of it. */
function handling(
  id: string,
  sampled: boolean,
  spansAMessage: number,
  make: (
    tracerProvider: ReturnType<typeof tracers>,
  ) => { client: object; scoped: Scoped } & Partial<Switch>,
): CheckedVariant {
  const tally = new Tally();
  const { client, scoped, on, off } = make(tracers(tally, sampled));
  return {
    id,
    messages: MESSAGES,
    prepare() {
      let consumer = {};
      const messages = Array.from({ length: MESSAGES }, (_, at) => {
        if (at % IN_ONE_FETCH === 0) consumer = { groupId: "payments", memberId: "1" };
        return delivered(at, consumer);
      });
      on?.();
      return {
        async run() {
          for (const message of messages) {
            consumerReceivesChannel.asyncStart.publish({ client, result: message });
            await scoped(message, handler);
          }
        },
        after: async () => off?.(),
      };
    },
    tally,
    spansARun: sampled ? spansAMessage * MESSAGES : 0,
  };
}

/** What is to be switched on for a variant's runs alone. */
interface Switch {
  on(): void;
  off(): void;
}

const ours =
  (options: { spans?: "off" } = {}) =>
  (tracerProvider: ReturnType<typeof tracers>): { client: object; scoped: Scoped } => {
    const client = new StubConsumer();
    traced(client as unknown as Consumer, { tracerProvider, ...options });
    return { client, scoped: (message, work) => processMessage(message, work) };
  };

const peer = (
  tracerProvider: ReturnType<typeof tracers>,
): ReturnType<typeof platformaticPeer> & { client: object; scoped: Scoped } => {
  const made = platformaticPeer(tracerProvider);
  return { ...made, client: new StubConsumer(), scoped: made.process };
};

export function platformaticProcess(): CheckedVariant[] {
  const bare = {
    client: new StubConsumer(),
    scoped: (message: Text, work: Handler) => work(message),
  };
  return [
    handling("empty", true, 0, () => bare),
    handling("ours", true, 1, ours()),
    handling("ours, unsampled", false, 1, ours()),
    handling("ours, spans off", true, 0, ours({ spans: "off" })),
    handling("peer", true, 1, peer),
    handling("peer, unsampled", false, 1, peer),
  ];
}

function sending(
  id: string,
  sampled: boolean,
  spansAMessage: number,
  make: (
    producer: Producer<string, string, string, string>,
    tracerProvider: ReturnType<typeof tracers>,
  ) => { producer: Producer<string, string, string, string> } & Partial<Switch>,
): CheckedVariant {
  const tally = new Tally();
  const stub = new StubProducer({ serializers: stringSerializers });
  const { producer, on, off } = make(
    stub as unknown as Producer<string, string, string, string>,
    tracers(tally, sampled),
  );
  const sendAll = async (
    messages: readonly MessageToProduce<string, string, string, string>[],
  ): Promise<void> => {
    for (const message of messages) await producer.send({ messages: [message] });
  };
  return {
    id,
    messages: MESSAGES,
    prepare() {
      const messages = Array.from({ length: MESSAGES }, (_, at) => ({
        topic: "orders",
        key: `order-${at}`,
        value: '{"id":1,"sku":"9ad2f10c","quantity":2}',
        headers: { "content-type": "application/json", "event-type": "order.placed" },
      }));
      on?.();
      return {
        run: () => context.with(REQUEST, sendAll, undefined, messages),
        after: async () => off?.(),
      };
    },
    tally,
    spansARun: sampled ? spansAMessage * MESSAGES : 0,
  };
}

export function platformaticSend(): CheckedVariant[] {
  const own =
    (options: { spans?: "off" } = {}) =>
    (
      producer: Producer<string, string, string, string>,
      tracerProvider: ReturnType<typeof tracers>,
    ) => ({
      producer: traced(producer, { tracerProvider, ...options }),
    });
  const theirs = (
    producer: Producer<string, string, string, string>,
    tracerProvider: ReturnType<typeof tracers>,
  ): { producer: typeof producer } & Switch => ({ ...platformaticPeer(tracerProvider), producer });
  return [
    sending("empty", true, 0, (producer) => ({ producer })),
    sending("ours", true, 1, own()),
    sending("ours, unsampled", false, 1, own()),
    sending("ours, spans off", true, 0, own({ spans: "off" })),
    sending("peer", true, 1, theirs),
    sending("peer, unsampled", false, 1, theirs),
  ];
}
