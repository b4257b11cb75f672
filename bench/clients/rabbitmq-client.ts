import { context } from "@opentelemetry/api";
import { Connection } from "rabbitmq-client";
import { traced } from "throughline/rabbitmq-client";
import type { CheckedVariant } from "../gate/checked.ts";
import { AmqpSocket } from "./amqp-socket.ts";
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

/** rabbitmq-client itself, before a broker that takes and answers without a network. */
async function opened({ side, tracerProvider, options }: How) {
  const socket = new AmqpSocket();
  const bare = await socket.connected(async () => {
    const connection = new Connection({ url: URL, heartbeat: 0 });
    await connection.onConnect();
    return connection;
  });
  const connection = side === "ours" ? traced(bare, { tracerProvider, ...options }) : bare;
  return { socket, connection };
}

export function rabbitmqClientProcess(): Promise<CheckedVariant[]> {
  return sideBySide(false, async (how) => {
    const { socket, connection } = await opened(how);
    const handled = new Handled();
    const handler = async (): Promise<void> => handled.one();
    const consumer = connection.createConsumer({ queue: "orders" }, handler);
    await new Promise((resolve) => consumer.once("ready", resolve));
    socket.ready();
    return {
      messages: MESSAGES,
      spans: MESSAGES,
      seen: () => handled.seen,
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
            // Each is acknowledged when its handler has ended.
            await socket.written(MESSAGES);
          },
        };
      },
    };
  });
}

export function rabbitmqClientSend(): Promise<CheckedVariant[]> {
  return sideBySide(false, async (how) => {
    const { socket, connection } = await opened(how);
    const publisher = connection.createPublisher();
    // A publisher has its channel once it has sent.
    await publisher.send({ routingKey: "orders" }, Buffer.alloc(0));
    socket.ready();
    return {
      messages: MESSAGES,
      spans: MESSAGES,
      seen: () => ({ from: REQUEST_TRACEPARENT, now: traceparentIn(socket.last) }),
      prepare() {
        const content = Buffer.from(BODY);
        const all = Array.from({ length: MESSAGES }, () => ({
          routingKey: "orders",
          headers: { ...HEADERS },
        }));
        const sendAll = async (): Promise<void> => {
          for (const envelope of all) await publisher.send(envelope, content);
        };
        return { run: () => context.with(REQUEST, sendAll) };
      },
    };
  });
}
