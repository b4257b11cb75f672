import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { TracerProvider } from "@opentelemetry/api";
import type { Channel, ChannelModel } from "amqplib";

interface Instrumentation {
  setTracerProvider(provider: TracerProvider): void;
  patchConnect(exports: object): { connect: Connect };
  patchChannelModel(exports: object, version: string): object;
}
type Connect = (url: string, options: object, done: (error: null, made: object) => void) => void;
interface Opened extends Channel {
  setOptions(options: undefined): void;
  open(): Promise<unknown>;
}
type OpenedClass = new (connection: object) => Opened;

const require = createRequire(import.meta.url);
const { Channel: Plain, ConfirmChannel: PlainConfirms } = require(
  join(dirname(require.resolve("amqplib")), "lib/channel_model.js"),
) as { Channel: OpenedClass; ConfirmChannel: OpenedClass };

// Named at run time only: the workspace's types are checked without what the bench installs.
const PEER: string = "@opentelemetry/instrumentation-amqplib";
const { AmqplibInstrumentation } = (await import(PEER)) as {
  AmqplibInstrumentation: new (config: { enabled: boolean }) => Instrumentation;
};

/**
 * A channel of a class that OpenTelemetry's instrumentation has patched as it patches amqplib's
 * when an application loads it; amqplib's own stays as it is. The connection is told of as well.
 */
export async function instrumentedChannel(
  { connection }: ChannelModel,
  url: string,
  tracerProvider: TracerProvider,
): Promise<Channel> {
  const instrumentation = new AmqplibInstrumentation({ enabled: false });
  instrumentation.setTracerProvider(tracerProvider);
  const connects: Connect = (_url, _options, done) => done(null, connection);
  instrumentation.patchConnect({ connect: connects }).connect(url, {}, () => {});
  const Patched = class extends Plain {};
  const Confirms = class extends PlainConfirms {};
  instrumentation.patchChannelModel({ Channel: Patched, ConfirmChannel: Confirms }, "2.3.1");
  const channel = new Patched(connection);
  channel.setOptions(undefined);
  await channel.open();
  return channel;
}
