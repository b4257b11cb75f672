/**
 * throughline for rabbitmq-client 5: see {@link traced}.
 *
 * @module
 */
import type { Context } from "@opentelemetry/api";
import type {
  AsyncMessage,
  Channel,
  Connection,
  Envelope,
  Publisher,
  RPCClient,
} from "rabbitmq-client";
import { adapterFor } from "../adapter.ts";
import type {
  DeadLetterOptions,
  DeadLetterOrigin,
  Delivery,
  Options,
  RetryPolicy,
} from "../subpath.ts";
import { Tracing } from "../tracing.ts";
import { tracedBefore } from "../wrap.ts";
import { tracedChannel } from "./rabbitmq-client/channel.ts";
import {
  tracedConnection,
  tracedPublisher,
  tracedRpcClient,
} from "./rabbitmq-client/connection.ts";
import { rabbitmqClientFormat } from "./rabbitmq-client/format.ts";

export * from "../subpath.ts";

type Client = Connection | Channel | Publisher | RPCClient;

const adapter = adapterFor(rabbitmqClientFormat);

/**
 * Makes a client of rabbitmq-client carry trace context: what is published carries it, and each
 * consumer's handler runs inside its message's own. Takes a Connection, and what it makes: a
 * Channel, a Publisher, an RPCClient; gives back the same type, working the same. The original is
 * not written to. A client that is traced already is given back as it is.
 *
 * A handler that throws, or gives ConsumerStatus.REQUEUE or DROP, makes its message's span an error.
 *
 * @throws {TypeError} where `client` is none of these, or an option does not take what it got.
 * @example
 * ```ts
 * import { Connection } from "rabbitmq-client";
 * import { traced } from "throughline/rabbitmq-client";
 *
 * export function pay(url: string, charge: (order: unknown) => Promise<void>) {
 *   const rabbit = traced(new Connection(url));
 *   return rabbit.createConsumer({ queue: "orders" }, async (message) => {
 *     await charge(message.body); // in the trace of whoever sent it
 *   });
 * }
 * ```
 */
export function traced<Traced extends Client>(client: Traced, options: Options = {}): Traced {
  const known = traceableAs(client);
  if (known === undefined) {
    throw new TypeError(
      `throughline: traced() takes a Connection, Channel, Publisher or RPCClient of rabbitmq-client, got ${client === null ? "null" : typeof client}`,
    );
  }
  const before = tracedBefore(client, options);
  if (before !== undefined) return before;
  return known(client as never, new Tracing(options)) as Traced;
}

function traceableAs(client: Client): ((client: never, tracing: Tracing) => Client) | undefined {
  if (client === null || typeof client !== "object") return undefined;
  if ("createConsumer" in client && "createPublisher" in client) return tracedConnection;
  if ("basicPublish" in client && "basicConsume" in client) return tracedChannel;
  if ("send" in client && "publish" in client) return tracedRpcClient;
  return "send" in client && "on" in client ? tracedPublisher : undefined;
}

/**
 * Handles one message in its own scope: its context is extracted and active in `handler`, in a
 * process span of its own that ends when the handler settles. What the handler returns or throws
 * is returned or thrown. For messages that come by `basicGet`, and those that an application keeps
 * to handle later; for a message that a traced consumer is already handling, it just calls the
 * handler.
 *
 * @param delivery where the message came from, for one that no traced client delivered.
 * @example
 * ```ts
 * import type { Channel } from "rabbitmq-client";
 * import { processMessage } from "throughline/rabbitmq-client";
 *
 * export async function drain(channel: Channel, charge: (order: unknown) => Promise<void>) {
 *   for (;;) {
 *     const message = await channel.basicGet("orders");
 *     if (message === undefined) return;
 *     await processMessage(message, async ({ body }) => charge(body));
 *     channel.basicAck({ deliveryTag: message.deliveryTag });
 *   }
 * }
 * ```
 */
export function processMessage<Message extends object, Result>(
  message: Message,
  handler: (message: Message) => Result,
  delivery?: Delivery,
): Result {
  return adapter.processMessage(message, handler, delivery);
}

/**
 * Handles messages together: a prefetch window, a bulk insert, an aggregate. The batch has one
 * process span, the root of a trace of its own, linked to each message's.
 */
export function processBatch<Message extends object, Result>(
  messages: readonly Message[],
  handler: (messages: readonly Message[]) => Result,
  delivery?: Delivery,
): Result {
  return adapter.processBatch(messages, handler, delivery);
}

/**
 * The context that a message carries, over the active one without its span and baggage: to start
 * spans of your own under it.
 */
export function contextOf(message: object): Context {
  return adapter.contextOf(message);
}

/**
 * New headers with a context in place of whatever they carried; the headers given are not written to.
 *
 * @param context default: the active one.
 */
export function injectContext(
  headers?: Record<string, unknown> | null,
  context?: Context,
): Record<string, unknown> {
  return adapter.injectContext(headers ?? {}, context);
}

/** The envelope to publish a dead letter with, its body beside it. Where to is yours to add. */
export interface DeadLetter extends Envelope {
  body: unknown;
  headers: Record<string, unknown>;
}

/**
 * The message to publish in place of one that can't be handled: its body and properties, its
 * headers, what failed and where it came from (`dlq.*`), and the context of the record's own trace.
 * Where to, and sending it, is yours. The span of the attempt becomes an error.
 *
 * A message that is dropped to a dead-letter exchange needs none of this: the broker keeps its
 * headers, and so its trace.
 *
 * @example
 * ```ts
 * import type { AsyncMessage, Publisher } from "rabbitmq-client";
 * import { deadLetter } from "throughline/rabbitmq-client";
 *
 * export async function park(publisher: Publisher, message: AsyncMessage, error: unknown) {
 *   const letter = deadLetter(message, error);
 *   letter.routingKey = "orders.dlq";
 *   await publisher.send(letter, letter.body);
 * }
 * ```
 */
export function deadLetter(
  message: Partial<AsyncMessage>,
  error: unknown,
  options?: DeadLetterOptions,
): DeadLetter {
  return adapter.deadLetter(message, error, options) as DeadLetter;
}

/** What a dead letter tells of its origin, whoever wrote it, RabbitMQ's x-death too; undefined for a message that is none. */
export function deadLetterOf(message: object): DeadLetterOrigin | undefined {
  return adapter.deadLetterOf(message);
}

/**
 * A handler that tries again, each attempt in a process span of its own beside the one before, and
 * then publishes a dead letter. For a consumer's handler, and for processMessage.
 *
 * @throws {RangeError} for a number of attempts or a delay that is none.
 * @example
 * ```ts
 * import type { AsyncMessage, Connection, Publisher } from "rabbitmq-client";
 * import { withRetries } from "throughline/rabbitmq-client";
 *
 * export function resilient(
 *   rabbit: Connection,
 *   publisher: Publisher,
 *   charge: (message: AsyncMessage) => Promise<void>,
 * ) {
 *   const handler = withRetries(charge, {
 *     attempts: 3,
 *     delay: 200,
 *     deadLetter(letter) {
 *       letter.routingKey = "orders.dlq";
 *       return publisher.send(letter, letter.body);
 *     },
 *   });
 *   return rabbit.createConsumer({ queue: "orders" }, handler);
 * }
 * ```
 */
export function withRetries<Argument extends object, Result, Rest extends unknown[]>(
  handler: (message: Argument, ...rest: Rest) => Result,
  policy: RetryPolicy<DeadLetter, Argument> = {},
): (message: Argument, ...rest: Rest) => Promise<Awaited<Result> | undefined> {
  return adapter.withRetries(handler, policy as RetryPolicy, (message) => ({
    message,
    heartbeat: undefined,
  }));
}
