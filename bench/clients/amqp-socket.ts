import { createRequire } from "node:module";
import net from "node:net";
import { dirname, join } from "node:path";
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";

type Fields = Record<string, unknown>;

/** As much of amqplib's own codec as a broker of a few frames takes. */
interface Codec {
  encodeMethod(id: number, channel: number, fields: Fields): Buffer;
  encodeProperties(id: number, channel: number, size: number, fields: Fields): Buffer;
  readonly [name: string]: unknown;
}
interface Frames {
  parseFrame(bytes: Buffer, longest: number): false | { rest: Buffer };
  decodeFrame(frame: object): { id?: number; channel: number };
  makeBodyFrame(channel: number, content: Buffer): Buffer;
}

// The package exports none of it; by its path it can be read all the same.
const require = createRequire(import.meta.url);
const folder = join(dirname(require.resolve("amqplib")), "lib");
const defs = require(join(folder, "defs.js")) as Codec;
const frames = require(join(folder, "frame.js")) as Frames;

const PROTOCOL_HEADER_BYTES = 8;
const FRAMES_A_MESSAGE = 3;

/** Each method that a client waits for the answer of, and the answer. */
const ANSWERS: readonly [asked: string, answer: string, fields: Fields][] = [
  ["ConnectionStartOk", "ConnectionTune", { channelMax: 2047, frameMax: 131_072, heartbeat: 0 }],
  ["ConnectionOpen", "ConnectionOpenOk", { knownHosts: "" }],
  ["ChannelOpen", "ChannelOpenOk", { channelId: Buffer.alloc(0) }],
  ["ConfirmSelect", "ConfirmSelectOk", {}],
  ["BasicQos", "BasicQosOk", {}],
  ["QueueDeclare", "QueueDeclareOk", { queue: "orders", messageCount: 0, consumerCount: 0 }],
  ["BasicConsume", "BasicConsumeOk", { consumerTag: "bench" }],
];
const answers = new Map(
  ANSWERS.map(([asked, answer, fields]) => [defs[asked] as number, [answer, fields] as const]),
);

/** A message as the broker delivers it. */
export interface Delivery {
  readonly content: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The broker's end of a connection, without a network: it shakes hands, opens channels, starts a
 * consumer, delivers, and takes everything else without looking at it.
 */
export class AmqpSocket extends Duplex {
  /** How often the client wrote since the handshake was over: amqplib once for what it sends or settles. */
  writes = 0;
  readonly #lately: Buffer[] = [];
  #unread: Buffer = Buffer.alloc(0);
  #greeted = false;
  #open = true;
  #tag = 0;

  /** The last message that was sent, whether it was written at once or a frame at a time. */
  get last(): string {
    return Buffer.concat(this.#lately).toString("latin1");
  }

  /** Connects a client, which does it through node:net, to this socket. */
  async connected<Client>(connect: () => Promise<Client>): Promise<Client> {
    const original = net.connect;
    const instead = (...args: unknown[]): AmqpSocket => {
      const listener = args.find((arg) => typeof arg === "function") as (() => void) | undefined;
      if (listener !== undefined) this.once("connect", listener);
      process.nextTick(() => this.emit("connect"));
      return this;
    };
    net.connect = instead as unknown as typeof net.connect;
    try {
      return await connect();
    } finally {
      net.connect = original;
    }
  }

  /** The handshake is over: what is written from here on is counted and dropped. */
  ready(): void {
    this.#open = false;
    this.writes = 0;
  }

  /** The bytes of some deliveries on channel 1; tags go on from those before. */
  encode(deliveries: readonly Delivery[]): Buffer {
    return Buffer.concat(
      deliveries.flatMap(({ content, headers }) => {
        const body = Buffer.from(content);
        this.#tag += 1;
        return [
          this.#method("BasicDeliver", 1, {
            consumerTag: "bench",
            deliveryTag: this.#tag,
            redelivered: false,
            exchange: "",
            routingKey: "orders",
          }),
          defs.encodeProperties(defs["BasicProperties"] as number, 1, body.length, { headers }),
          frames.makeBodyFrame(1, body),
        ];
      }),
    );
  }

  /** Waits until the client has written so often. */
  async written(times: number): Promise<void> {
    while (this.writes < times) await setImmediate();
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, taken: () => void): void {
    if (this.#open) this.#answer(chunk);
    else {
      this.writes += 1;
      if (this.#lately.push(chunk) > FRAMES_A_MESSAGE) this.#lately.shift();
    }
    taken();
  }

  #answer(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    if (!this.#greeted) {
      if (this.#unread.length < PROTOCOL_HEADER_BYTES) return;
      this.#greeted = true;
      this.#unread = this.#unread.subarray(PROTOCOL_HEADER_BYTES);
      const start = { versionMajor: 0, versionMinor: 9, serverProperties: { product: "RabbitMQ" } };
      this.push(this.#method("ConnectionStart", 0, { ...start, mechanisms: "PLAIN" }));
    }
    for (;;) {
      const frame = frames.parseFrame(this.#unread, 0);
      if (frame === false) return;
      this.#unread = Buffer.from(frame.rest);
      const { id, channel } = frames.decodeFrame(frame);
      const [answer, fields] = answers.get(id ?? 0) ?? [];
      if (answer !== undefined) this.push(this.#method(answer, channel, fields ?? {}));
    }
  }

  #method(name: string, channel: number, fields: Fields): Buffer {
    const text = { locales: Buffer.from("en_US"), ...fields };
    const mechanisms = Buffer.from("PLAIN");
    return defs.encodeMethod(defs[name] as number, channel, { ...text, mechanisms });
  }

  // What a client asks of a socket of node:net.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
}
