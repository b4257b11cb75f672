import type { TracingChannel, TracingChannelSubscribers } from "node:diagnostics_channel";
import type { TracerProvider } from "@opentelemetry/api";
import { producerSendsChannel } from "./platformatic-client.ts";

interface KafkaInstrumentation {
  setTracerProvider(provider: TracerProvider): void;
  enable(): void;
}

// Named at run time only: the workspace's types are checked without what the bench installs.
const PEER: string = "@platformatic/kafka-opentelemetry";
const { KafkaInstrumentation, processWithTracing } = (await import(PEER)) as {
  KafkaInstrumentation: new (config: { enabled: boolean }) => KafkaInstrumentation;
  processWithTracing<Message>(message: Message, handler: (message: Message) => unknown): unknown;
};

type Subscribers = Partial<TracingChannelSubscribers<object>>;

/** Which variant's instrumentation hears of what goes on; none of them while others run. */
let hears: ReadonlyMap<TracingChannel, Subscribers> | undefined;
const forwarded = new Set<TracingChannel>();

/**
 * @platformatic/kafka-opentelemetry, which hears of every client of the process: here, while it is
 * on. Subscribing anew each time would cost it what no application pays, for a channel's code is
 * then compiled again; so one subscriber stays, and passes on.
 */
export function platformaticPeer(tracerProvider: TracerProvider): {
  on(): void;
  off(): void;
  process: typeof processWithTracing;
} {
  const instrumentation = new KafkaInstrumentation({ enabled: false });
  instrumentation.setTracerProvider(tracerProvider);
  const own = subscriptionsOf(instrumentation);
  for (const channel of own.keys()) forward(channel);
  return {
    on: () => void (hears = own),
    off: () => void (hears = undefined),
    process: processWithTracing,
  };
}

/** What an instrumentation would subscribe, by the channel. */
function subscriptionsOf(instrumentation: KafkaInstrumentation): Map<TracingChannel, Subscribers> {
  const channels = Object.getPrototypeOf(producerSendsChannel) as TracingChannel;
  const { subscribe } = channels;
  const own = new Map<TracingChannel, Subscribers>();
  channels.subscribe = function take(this: TracingChannel, subscribers: Subscribers) {
    own.set(this, subscribers);
  };
  try {
    instrumentation.enable();
  } finally {
    channels.subscribe = subscribe;
  }
  return own;
}

function forward(channel: TracingChannel): void {
  if (forwarded.has(channel)) return;
  forwarded.add(channel);
  channel.subscribe({
    start: (event) => hears?.get(channel)?.start?.(event),
    asyncStart: (event) => hears?.get(channel)?.asyncStart?.(event),
  } as TracingChannelSubscribers<object>);
}
