import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import * as kafkajs from "throughline/kafkajs";
import {
  type ContractClient,
  type ContractOptions,
  contractSuite,
  type Features,
  memoryBroker,
} from "throughline/testing";
import { kafkajsContract } from "./kafkajs-contract.ts";
import { tracing } from "./sdk.ts";

const features: Features = {
  sendMany: true,
  batches: true,
  concurrency: true,
  loop: true,
  handlerErrors: true,
  redelivery: true,
  errorReports: true,
  settlement: true,
  ownSettlement: "kafkajs commits offsets, which are no message's own",
  refusing: "Kafka keeps its records: there is nothing to refuse",
  settlementTimeouts: "the Kafka in memory ends no session",
  pulling: "kafkajs hands records to handlers alone",
  sendingOn: "what kafkajs sends and what it hands over are different objects",
  brokerDeadLetters: "Kafka dead-letters nothing by itself",
  promisesOfItself: "kafkajs has no such promise",
  retries: true,
  repeatedHeaders: true,
  emptyHeaders: "no header is empty",
  emptyTexts: true,
  tombstones: true,
  frozenMessages: true,
  compression: "nothing is written to a wire",
  transactions: true,
  refusals: true,
  failedSends: true,
};

interface Registered {
  readonly bodies: Map<string, () => Promise<void>>;
  readonly closing: (() => Promise<void>)[];
}

/** Registers the suite with a runner that only takes down what it is given. */
function register(
  client: ContractClient,
  declared: Features = features,
  options: Partial<ContractOptions> = { skip: () => {} },
): Registered {
  const registered: Registered = { bodies: new Map(), closing: [] };
  contractSuite((name, body) => registered.bodies.set(name, body), client, declared, {
    tracing,
    after: (close) => registered.closing.push(close),
    timeoutMs: 300,
    ...options,
  });
  return registered;
}

function inMemory(functions: Partial<ContractClient["functions"]> = {}): ContractClient {
  const broker = memoryBroker();
  const client = kafkajsContract({ name: "kafkajs", kafka: () => broker.client() });
  return { ...client, functions: { ...client.functions, ...functions } };
}

/** The names of the claims that fail, with their errors. */
async function failing(
  t: TestContext,
  { bodies, closing }: Registered,
): Promise<Map<string, Error>> {
  t.after(async () => {
    for (const close of closing) await close();
  });
  const failed = new Map<string, Error>();
  for (const [name, body] of bodies) {
    await body().catch((error: Error) => failed.set(name.replace("kafkajs: ", ""), error));
  }
  return failed;
}

test("an adapter that traces nothing fails whatever speaks of a trace, and nothing that speaks of the host", async (t) => {
  const failed = await failing(t, register(inMemory({ traced: (client: never) => client })));
  const names = [...failed.keys()];
  assert.ok(failed.size > 20, names.join("\n"));
  for (const name of [
    "a handler runs in the trace of its message's sender, in a process span of its own",
    "handlers that run side by side each see their own message's trace",
    "messages of one send have a create span each, in the sender's trace, and the send's span links to them",
    "a batch is handled in one span: the root of a trace, linked to each of its messages",
    "an unsampled trace goes on unsampled through the broker",
  ]) {
    assert.ok(failed.has(name), name);
  }
  for (const name of [
    "send gives what the bare client's gives",
    "what an application gives to send is not written to",
    "a handler is handed what the bare client hands it",
  ]) {
    assert.ok(!failed.has(name), `${name}: ${failed.get(name)?.message}`);
  }
});

test("an adapter that loses messages fails in the time that it is given, and says how many came", async (t) => {
  const client = inMemory();
  const losing: ContractClient = {
    ...client,
    open: async (wrap) => {
      const connection = await client.open(wrap);
      return Object.assign(Object.create(connection) as typeof connection, {
        send: async () => [],
      });
    },
  };
  const failed = await failing(t, register(losing, features, { skip: () => {}, timeoutMs: 20 }));
  const name = "what a handler leaves to a timer is in its message's trace";
  assert.match(failed.get(name)?.message ?? "", /After 20 ms: 0 of 1 messages were handled/);
});

test("a claim that fails inside a handler fails, though the client tries the message again", async (t) => {
  const client = inMemory();
  const spoiling: ContractClient = {
    ...client,
    read: (message) => {
      const read = client.read(message);
      return { ...read, headers: read.headers.filter(([name]) => name !== "tenant") };
    },
  };
  const failed = await failing(t, register(spoiling));
  const name = "messages that share one headers object are each given a context of their own";
  assert.equal(failed.get(name)?.name, "AssertionError");
});

test("what is declared absent is skipped with its reason, by the runner's own way or in words", (t) => {
  const skipped: string[] = [];
  register(inMemory(), features, { skip: (name, reason) => skipped.push(`${name}: ${reason}`) });
  const reasons = new Set(Object.values(features).filter((declared) => declared !== true));
  assert.ok(skipped.every((line) => [...reasons].some((reason) => line.endsWith(`: ${reason}`))));
  assert.deepEqual(
    skipped.filter((line) => /empty$|a wire$/.test(line)),
    [
      "kafkajs: a header without a value neither stops the handler nor costs the message its trace: no header is empty",
      "kafkajs: compressed messages keep their traces: nothing is written to a wire",
    ],
  );

  const said = t.mock.method(console, "log", () => {});
  register(inMemory(), features, {});
  const words = said.mock.calls.map(({ arguments: [line] }) => String(line));
  assert.equal(
    words.find((line) => line.includes("compressed")),
    "skipped: kafkajs: compressed messages keep their traces: nothing is written to a wire",
  );

  const named: string[] = [];
  const run = Object.assign(() => {}, { skip: (name: string) => named.push(name) });
  contractSuite(run, inMemory(), features, { tracing, after: () => {} });
  assert.deepEqual(
    named.find((name) => name.includes("compressed")),
    "kafkajs: compressed messages keep their traces (absent: nothing is written to a wire)",
  );
});

test("every claim is either run or skipped", () => {
  let skipped = 0;
  const all = register(inMemory(), features, { skip: () => (skipped += 1) }).bodies.size + skipped;
  const lacking = Object.fromEntries(
    Object.keys(features).map((name) => [name, "the client lacks it"]),
  ) as unknown as Features;
  let more = 0;
  const few = register(inMemory(), lacking, { skip: () => (more += 1) }).bodies.size;
  assert.equal(few + more, all);
  assert.ok(more > 15);
});

test("a feature must be declared, and an absent one has a reason", () => {
  const { batches: _, ...undeclared } = features;
  for (const [declared, message] of [
    [undeclared, /feature batches takes true, or the reason why it is absent, got undefined/],
    [{ ...features, batches: " " }, /feature batches takes true/],
    [{ ...features, batches: false }, /got false/],
  ] as const) {
    assert.throws(() => register(inMemory(), declared as Features), message);
  }
  const { refused: __, ...client } = inMemory();
  assert.throws(() => register(client), /kafkajs declares refusals, and has no refused\(\)/);
});

test("claims run one at a time, even where the runner starts them all at once", async (t) => {
  const { bodies, closing } = register(inMemory());
  t.after(async () => {
    for (const close of closing) await close();
  });
  const outcomes = await Promise.allSettled([...bodies.values()].map((body) => body()));
  assert.deepEqual(
    outcomes.filter(({ status }) => status === "rejected"),
    [],
  );
  assert.ok(outcomes.length > 50);
});

test("kafkajs's subpath has every function of the contract", () => {
  const client: ContractClient["functions"] = kafkajs;
  assert.equal(typeof client.traced, "function");
});
