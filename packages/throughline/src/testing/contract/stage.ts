import { trace } from "@opentelemetry/api";
import type { Options } from "../../options.ts";
import type { SpanCollector } from "../spans/collect.ts";
import type {
  Connection,
  ContractClient,
  ContractRetries,
  MessageParts,
  SendHow,
} from "./client.ts";
import type { Features } from "./features.ts";
import { CLAIM_HEADER, Inbox, type Received } from "./inbox.ts";
import { within } from "./within.ts";

/** How an inbox is consumed: by a client that is traced with some options, or by the bare one. */
export interface InboxKind {
  readonly by?: "batch";
  readonly options?: Options | "bare";
  /** Tells apart inboxes that are otherwise the same. */
  readonly name?: string;
  readonly retries?: ContractRetries;
  /** Handles one message after the other, where the client could do more at a time. */
  readonly inOrder?: true;
  /** Awaited before the inbox is consumed, so that messages may lie in it by then. */
  readonly filled?: (inbox: Inbox) => Promise<void>;
}

/** What a claim has to work with. */
export class Stage {
  readonly client: ContractClient;
  readonly features: Features;
  /** The spans of this claim; empty where no SDK is registered. */
  readonly spans: SpanCollector;
  private readonly claim: string;
  private readonly shared: Shared;

  constructor(shared: Shared, spans: SpanCollector, claim: string) {
    this.client = shared.client;
    this.features = shared.features;
    this.shared = shared;
    this.spans = spans;
    this.claim = claim;
  }

  /** How long messages are waited for. */
  get timeoutMs(): number {
    return this.shared.timeoutMs;
  }

  /** Clients, opened once for the whole suite. */
  connection(options: Options | "bare" = {}): Promise<Connection> {
    return this.shared.connection(options);
  }

  /** A destination that is being consumed. */
  inbox(kind: InboxKind = {}): Promise<Inbox> {
    return this.shared.inbox(kind);
  }

  /** A message of this claim, as its client takes it. */
  message(text: string | null, parts: { headers?: object; lane?: number } = {}): object {
    return this.client.message(this.parts(text, parts));
  }

  /** What a message of this claim is made of. */
  parts(text: string | null, parts: { headers?: object; lane?: number } = {}): MessageParts {
    const body = text === null ? null : `${this.claim}:${text}`;
    const headers = parts.headers ?? (text === null ? this.headers([]) : undefined);
    return { ...parts, body, headers };
  }

  /** Headers with the claim's name among them, for messages without a body. */
  headers(list: readonly (readonly [string, string])[]): object {
    return this.client.headers([[CLAIM_HEADER, this.claim], ...list]);
  }

  /** Sends messages of this claim, by default from where they are consumed. */
  async send(
    to: Inbox,
    messages: readonly object[],
    from: Connection = to.connection,
    how?: SendHow,
  ): Promise<void> {
    await from.send(to.destination, messages, how);
  }

  /** Handles messages of this claim; resolves when that many have been handled. */
  each(from: Inbox, count: number, each: (received: Received) => unknown): Promise<void> {
    return this.wait(from, count, { each });
  }

  /** Handles batches with messages of this claim, until they sum up to that many. */
  batches(
    from: Inbox,
    count: number,
    batch: (received: readonly Received[], payload: unknown) => unknown,
  ): Promise<void> {
    return this.wait(from, count, { batch });
  }

  /** Waits for something else that the broker does in its own time. */
  soon<Result>(awaited: Promise<Result>, what: string): Promise<Result> {
    return within(this.timeoutMs, awaited, () => `no ${what}`);
  }

  /** Runs some work inside a span of the application. */
  within<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    return trace.getTracer("application").startActiveSpan(name, async (span) => {
      try {
        return await work();
      } finally {
        span.end();
      }
    });
  }

  private wait(from: Inbox, count: number, handlers: Parameters<Inbox["wait"]>[2]): Promise<void> {
    const handled = from.wait(this.claim, count, handlers, this.timeoutMs);
    // A claim that fails before it comes to wait for this leaves nobody to hear of it.
    handled.catch(() => {});
    return handled;
  }

  /** A span of the application, under whatever is active. */
  mark(name: string): void {
    trace.getTracer("application").startSpan(name).end();
  }
}

/** What the claims share: clients and inboxes, opened when first needed and closed at the end. */
export class Shared {
  readonly client: ContractClient;
  readonly features: Features;
  readonly timeoutMs: number;
  private readonly connections = new Map<string, Promise<Connection>>();
  private readonly inboxes = new Map<string, Promise<Inbox>>();

  constructor(client: ContractClient, features: Features, timeoutMs: number) {
    this.client = client;
    this.features = features;
    this.timeoutMs = timeoutMs;
  }

  connection(options: Options | "bare"): Promise<Connection> {
    return once(this.connections, JSON.stringify(options), () => {
      const { functions } = this.client;
      return this.client.open(
        options === "bare"
          ? (client) => client
          : (client) => functions.traced(client as never, options) as typeof client,
      );
    });
  }

  inbox(kind: InboxKind): Promise<Inbox> {
    const { by, name, options = {} } = kind;
    return once(this.inboxes, JSON.stringify({ by, name, options }), async () => {
      const connection = await this.connection(options);
      const inbox = new Inbox(await connection.destination(), connection, this.client);
      await kind.filled?.(inbox);
      await connection.consume(inbox.destination, {
        lanes: this.features.concurrency === true && kind.inOrder !== true ? 3 : 1,
        ...(kind.retries === undefined ? {} : { retries: kind.retries }),
        ...(by === "batch"
          ? { batch: (messages, payload) => inbox.batch(messages, payload) }
          : { each: (message, payload) => inbox.each(message, payload) }),
      });
      return inbox;
    });
  }

  /** Opens inboxes side by side. What fails is told to the claim that needs it. */
  async prepare(kinds: readonly InboxKind[]): Promise<void> {
    await Promise.allSettled(kinds.map((kind) => this.inbox(kind)));
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.connections.values());
    await Promise.all(opened.map(async (one) => one.status === "fulfilled" && one.value.close()));
  }
}

function once<Value>(
  made: Map<string, Promise<Value>>,
  key: string,
  make: () => Promise<Value>,
): Promise<Value> {
  let value = made.get(key);
  if (value === undefined) made.set(key, (value = make()));
  return value;
}
