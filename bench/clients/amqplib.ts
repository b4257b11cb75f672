import { context } from "@opentelemetry/api";
import { type Channel, connect } from "amqplib";
import { traced } from "throughline/amqplib";
import type { CheckedVariant } from "../gate/checked.ts";
import { AmqpSocket } from "./amqp-socket.ts";
import { instrumentedChannel } from "./amqplib-peer.ts";
import {
  BODY,
  Handled,
  HEADERS,
  MESSAGES,
  REQUEST,
  REQUEST_TRACEPARENT,
  traceparentIn,
  traceparentOf,
} from "./orders.ts";
import { type How, sideBySide } from "./sides.ts";

const URL = "amqp://guest:guest@127.0.0.1:5672";

/** amqplib itself, its connection and channel before a broker that takes and answers without a network. */
async function opened({ side, tracerProvider, options }: How) {
  const socket = new AmqpSocket();
  const connection = await socket.connected(() => connect(URL));
  const channel: Channel =
    side === "peer"
      ? await instrumentedChannel(connection, URL, tracerProvider)
      : await connection.createChannel();
  return {
    socket,
    channel: side === "ours" ? traced(channel, { tracerProvider, ...options }) : channel,
  };
}

/** A consumer that acknowledges; its promise settles after that, as an async handler's does. */
export function amqplibProcess(): Promise<CheckedVariant[]> {
  return sideBySide(true, async (how) => {
    const { socket, channel } = await opened(how);
    const handled = new Handled();
    const handler = async (message: Parameters<Channel["ack"]>[0]): Promise<void> => {
      handled.one();
      channel.ack(message);
    };
    // oxlint-disable-next-line typescript/no-misused-promises -- void by amqplib's types, and promises in use.
    await channel.consume("orders", (message) => message && handler(message));
    socket.ready();
    return {
      messages: MESSAGES,
      // Ours tells of the acknowledgement in a span of its own.
      spans: how.side === "ours" ? 2 * MESSAGES : MESSAGES,
      prepare() {
        handled.reset();
        socket.writes = 0;
        const deliveries = Array.from({ length: MESSAGES }, (_, at) => ({
          content: BODY,
          headers: { ...HEADERS, traceparent: traceparentOf(at) },
        }));
        const bytes = socket.encode(deliveries);
        return {
          async run() {
            socket.push(bytes);
            await socket.written(MESSAGES);
          },
        };
      },
      seen: () => handled.seen,
    };
  });
}

export function amqplibSend(): Promise<CheckedVariant[]> {
  return sideBySide(true, async (how) => {
    const { socket, channel } = await opened(how);
    socket.ready();
    return {
      messages: MESSAGES,
      spans: MESSAGES,
      prepare() {
        socket.writes = 0;
        const content = Buffer.from(BODY);
        const all = Array.from({ length: MESSAGES }, () => ({ headers: { ...HEADERS } }));
        const sendAll = (): void => {
          for (const options of all) channel.sendToQueue("orders", content, options);
        };
        return {
          async run() {
            context.with(REQUEST, sendAll);
            await socket.written(MESSAGES);
          },
        };
      },
      seen: () => ({
        from: REQUEST_TRACEPARENT,
        now: traceparentIn(socket.last),
      }),
    };
  });
}
