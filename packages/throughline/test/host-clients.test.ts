// A traced client is the client: whatever its class is made of, it works the same, and the
// original is not written to. Rule 8 of the design.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import { Kafka, logLevel, type Producer } from "kafkajs";
import { traced } from "throughline/kafkajs";
import { snapshot } from "./host-snapshot.ts";
import { tracing, type Tracing } from "./sdk.ts";
import { stubConsumer, stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
before(() => {
  observed = tracing();
});
after(() => observed.shutdown());

/** A client of the application's own: a class, with private fields, methods that chain, and fields. */
class OwnProducer {
  readonly name = "own";
  retries = 3;
  readonly #sent: unknown[] = [];
  #open = false;
  connect(): this {
    this.#open = true;
    return this;
  }
  async send(record: unknown): Promise<number> {
    return this.#sent.push(record);
  }
  async sendBatch(batch: unknown): Promise<number> {
    return this.#sent.push(batch);
  }
  get sent(): number {
    return this.#sent.length;
  }
  set open(open: boolean) {
    this.#open = open;
  }
  get open(): boolean {
    return this.#open;
  }
}

const tracedOwn = (client: OwnProducer): OwnProducer =>
  traced(client as unknown as Producer) as unknown as OwnProducer;
const message = { topic: "orders", messages: [{ value: "1" }] };

test("methods and accessors reach the private fields of a client's class", async () => {
  const client = tracedOwn(new OwnProducer());
  assert.equal(await client.send(message), 1);
  assert.equal(await client.sendBatch({ topicMessages: [message] }), 2);
  assert.equal(client.sent, 2);
  client.open = true;
  assert.equal(client.open, true);
});

test("a method that gives the client back gives the traced one back", () => {
  const original = new OwnProducer();
  const client = tracedOwn(original);
  assert.equal(client.connect(), client);
  assert.equal(client.connect().open, true);
  assert.equal(original.open, true);
});

test("a method is the same function each time it is read, with its own name and length", () => {
  const original = new OwnProducer();
  const client = tracedOwn(original);
  for (const name of ["connect", "send", "sendBatch"] as const) {
    assert.equal(client[name], client[name]);
    assert.equal(client[name].name, original[name].name);
    assert.equal(client[name].length, original[name].length);
  }
});

test("it is an instance of its class, with the same constructor and prototype", () => {
  const client = tracedOwn(new OwnProducer());
  assert.ok(client instanceof OwnProducer);
  assert.equal(client.constructor, OwnProducer);
  assert.equal(Object.getPrototypeOf(client), OwnProducer.prototype);
});

test("it has the same names, by `in`, by Object.keys, by for-in and by spread", () => {
  const client = stubProducer().client as Producer & Record<string, unknown>;
  const ours = traced(client);
  assert.deepEqual(Reflect.ownKeys(ours), Reflect.ownKeys(client));
  assert.deepEqual(Object.keys(ours), Object.keys(client));
  const names = (object: object): string[] => {
    const found = [];
    for (const name in object) found.push(name);
    return found;
  };
  assert.deepEqual(names(ours), names(client));
  for (const name of ["send", "toString", "nothing"]) assert.equal(name in ours, name in client);
  assert.equal(Object.hasOwn(ours, "send"), true);
  assert.equal({ ...ours }.send, ours.send);
  assert.deepEqual(Object.keys(tracedOwn(new OwnProducer())), ["name", "retries"]);
});

test("it is shown in a log as the bare client is, before and after it is frozen", () => {
  const clients = [
    new Kafka({ brokers: ["127.0.0.1:9"], logLevel: logLevel.NOTHING }),
    stubProducer().client,
    new OwnProducer() as unknown as Producer,
  ];
  for (const client of clients) {
    const shown = inspect(client);
    assert.ok(shown.length > 20, shown);
    const ours = traced(client);
    assert.equal(inspect(ours), shown);
    assert.equal(inspect({ ours }), inspect({ ours: client }));
    assert.deepEqual(Reflect.ownKeys(ours), Reflect.ownKeys(client));
    assert.equal(Object.getOwnPropertyDescriptor(ours, inspect.custom), undefined);
    Object.freeze(ours);
    assert.deepEqual(Reflect.ownKeys(ours), Reflect.ownKeys(client));
    assert.equal(inspect(ours), inspect(client));
  }
});

test("fields are read, written and deleted on the original", () => {
  const original = new OwnProducer() as OwnProducer & { note?: string };
  const client = tracedOwn(original) as typeof original;
  client.retries = 5;
  client.note = "mine";
  assert.deepEqual([original.retries, original.note], [5, "mine"]);
  delete client.note;
  assert.equal("note" in original, false);
});

test("a method that the application replaces on the traced client is called in place of the old one", async () => {
  const { client, calls } = stubProducer();
  const ours = traced(client);
  await ours.send(message);
  const replaced: unknown[] = [];
  ours.send = async (record) => {
    replaced.push(record);
    return [];
  };
  await ours.send(message);
  assert.deepEqual([calls.length, replaced.length], [1, 1]);
});

for (const [kind, make] of Object.entries({
  "a frozen literal": () => Object.freeze(stubProducer().client),
  "a sealed literal": () => Object.seal(stubProducer().client),
  "a frozen instance": () => Object.freeze(new OwnProducer()) as unknown as Producer,
})) {
  test(`${kind} is traced`, async () => {
    observed.reset();
    const ours = traced(make());
    await ours.send(message);
    assert.equal(ours.send, ours.send);
    assert.ok(Object.keys(ours).length > 0);
    assert.deepEqual(
      observed.spans().map(({ name }) => name),
      ["send orders"],
    );
  });
}

for (const [verb, shut] of Object.entries({
  freeze: (client: object): unknown => Object.freeze(client),
  seal: (client: object): unknown => Object.seal(client),
  preventExtensions: (client: object): unknown => Object.preventExtensions(client),
  defineProperties: (client: object): unknown =>
    Object.defineProperties(client, { send: { configurable: false, writable: false } }),
})) {
  for (const [kind, make] of Object.entries({
    "a literal": () => stubProducer().client as object,
    "an instance": () => Object.assign(new OwnProducer(), { send: stubProducer().client.send }),
    "one with accessors": () =>
      Object.defineProperty({ ...stubProducer().client }, "on", { get: () => () => {} }),
  })) {
    test(`Object.${verb} of a traced client (${kind}) does what it does to the bare one, and it is traced still`, async () => {
      observed.reset();
      const bare = make();
      const original = make();
      const ours = traced(original as Producer) as Producer & { added?: number };
      assert.equal(shut(ours), ours);
      shut(bare);
      const how = (client: object): unknown => [
        Object.isFrozen(client),
        Object.isSealed(client),
        Object.isExtensible(client),
        Object.keys(client),
        Reflect.set(client, "added", 1),
        Reflect.deleteProperty(client, "added"),
        Reflect.set(client, "send", Reflect.get(client, "send")),
        Reflect.deleteProperty(client, "send"),
        Reflect.ownKeys(client),
        "send" in client,
        "added" in client,
        Object.getOwnPropertyDescriptor(client, "send")?.writable,
        Object.getPrototypeOf(client) === Object.getPrototypeOf(bare),
      ];
      const { send } = ours;
      assert.deepEqual(how(ours), how(bare));
      assert.deepEqual(
        [Object.isFrozen(original), Object.isExtensible(original)],
        [Object.isFrozen(bare), Object.isExtensible(bare)],
      );
      await send(message);
      assert.deepEqual(
        observed.spans().map(({ name }) => name),
        ["send orders"],
      );
    });
  }
}

test("a client that closes itself after it was traced is seen closed, with what it removes and replaces later", () => {
  const original: { send?: unknown; on?: unknown } = { ...stubProducer().client, on: undefined };
  const ours = traced(original as unknown as Producer) as unknown as typeof original;
  Object.preventExtensions(original);
  assert.equal(Object.isExtensible(ours), false);
  delete original.send;
  const on = (): void => {};
  original.on = on;
  assert.deepEqual(Reflect.ownKeys(ours), Reflect.ownKeys(original));
  assert.equal("send" in ours, false);
  assert.equal(ours.send, undefined);
  const shown: unknown = Object.getOwnPropertyDescriptor(ours, "on")?.value;
  assert.equal(shown, ours.on);
  assert.equal(typeof ours.on, "function");
});

test("the client and what is given to it are not written to", async () => {
  const sending = stubProducer().client;
  const consuming = stubConsumer().client;
  const config = { eachMessage: async () => {}, partitionsConsumedConcurrently: 2 };
  const given = [sending, consuming, config, message] as const;
  const before = snapshot(given);
  await traced(sending).send(message);
  await (await traced(sending).transaction()).sendBatch({ topicMessages: [message] });
  await traced(consuming).run(config);
  assert.deepEqual(snapshot(given), before);
});

test("what run() is given is handed on: every field that kafkajs knows, and nothing without it", async () => {
  const { client, config } = stubConsumer();
  const given = {
    autoCommit: false,
    autoCommitInterval: 1,
    autoCommitThreshold: 2,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: 3,
  };
  await traced(client).run({ ...given, eachBatch: async () => {} });
  const { eachBatch, eachMessage, ...rest } = config();
  assert.deepEqual(rest, given);
  assert.deepEqual([typeof eachBatch, eachMessage], ["function", undefined]);
});

test("run() and commitOffsets() given what can't be read: kafkajs's own rejection, never a throw", async () => {
  const error = new RangeError("the application's own");
  const unreadable = {
    get topic(): string {
      throw error;
    },
    get eachMessage(): () => Promise<void> {
      throw error;
    },
  };
  // As kafkajs: an async function that takes its argument apart.
  const { client } = stubConsumer();
  const reading = async ({ eachMessage }: { eachMessage?: unknown }): Promise<unknown> =>
    eachMessage;
  const committing = async (offsets: { topic: string }[]): Promise<unknown> =>
    offsets.map(({ topic }) => topic);
  Object.assign(client, { run: reading, commitOffsets: committing });
  const ours = traced(client);
  await assert.rejects(() => ours.run(unreadable), error);
  await assert.rejects(() => ours.commitOffsets([unreadable as never]), error);
});

test("a transaction that can't begin rejects with the client's very error", async () => {
  const error = new RangeError("the broker's own");
  const { client } = stubProducer();
  Object.assign(client, { transaction: async () => Promise.reject(error) });
  await assert.rejects(traced(client).transaction(), (given) => given === error);
});

test("kafkajs's own clients are traced through, and everything else of them is as it was", async () => {
  const bare = new Kafka({ brokers: ["127.0.0.1:9"], logLevel: logLevel.NOTHING });
  const kafka = traced(bare);
  assert.ok(kafka instanceof Kafka);
  assert.equal(traced(bare), kafka);
  assert.equal(traced(kafka), kafka);
  assert.equal(typeof kafka.admin().createTopics, "function");
  assert.equal(typeof kafka.logger().info, "function");
  const producer = kafka.producer();
  assert.deepEqual(Object.keys(producer), Object.keys(bare.producer()));
  assert.equal(producer.events, producer.events);
  assert.equal(producer.isIdempotent(), false);
  const remove = producer.on(producer.events.CONNECT, () => {});
  assert.equal(typeof remove, "function");
  remove();
  const consumer = kafka.consumer({ groupId: "payments" });
  assert.deepEqual(Object.keys(consumer), Object.keys(bare.consumer({ groupId: "payments" })));
  assert.deepEqual(consumer.paused(), []);
  // What kafkajs checks is checked by it, in its own words.
  assert.throws(() => kafka.consumer({} as never), /Consumer groupId must be a non-empty string/);
});
