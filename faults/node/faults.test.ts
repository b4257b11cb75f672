// Each program of a pair is run as a reader runs it, a process of its own on a Kafka, and what the
// spans that it exports say is compared: the lost one is lost in the way that it claims, and the
// whole one is whole.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Engine, startOtlpReceiver, type TreeNode } from "../../packages/doctor/src/index.ts";
import { startEmbeddedKafka } from "../../services/embedded-kafka/start.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const timeout = 90_000;
const FLAGS = [
  "--conditions=source",
  "--disable-warning=TimeoutNegativeWarning",
  // A program without its broker goes on trying: it is not to do so when the test is stopped.
  `--import=${new URL("../../scripts/test/end-with-parent.mjs", import.meta.url)}`,
];

const SENT = "checkout send orders producer";
const CHARGED = "payments charge card";
const WHOLE = `${SENT}(payments process orders consumer(${CHARGED}))`;
const ROOT = `payments process orders consumer(${CHARGED})`;

/** The traces of one program: each tree once for every order, unless there are fewer. */
interface Pair {
  /** Why it can't run on the embedded Kafka. */
  readonly needsReal?: string;
  readonly lost: readonly string[];
  readonly whole?: readonly string[];
}
const each = (...trees: string[]): string[] => trees.flatMap((tree) => [tree, tree, tree]);

const PAIRS: Record<string, Pair> = {
  "span-not-active": { lost: each(`${SENT}(${CHARGED} payments process orders consumer)`) },
  "no-consumer-kind": { lost: each(`${SENT}(payments process orders(${CHARGED}))`) },
  "span-before-extract": {
    lost: each(`${SENT}(${CHARGED})`, "payments process orders consumer"),
  },
  "buffer-carrier": { lost: each(SENT, ROOT) },
  "map-carrier": {
    needsReal: "@platformatic/kafka can't join a group on the embedded Kafka",
    lost: each(SENT, ROOT),
  },
  "array-headers": { lost: each(SENT, ROOT) },
  "buffer-as-json": {
    lost: each(SENT, ROOT),
    whole: each(
      `${SENT}(payments process orders consumer(payments process charges consumer(${CHARGED})))`,
    ),
  },
  "one-context-for-a-batch": {
    lost: [`${SENT}(${[1, 2, 3].map(() => ROOT).join(" ")})`, SENT, SENT],
    // The batch as a whole is a trace of its own, linked to its messages.
    whole: [...each(WHOLE), "payments process orders consumer"],
  },
  "context-left-entered": {
    // The second order's handler leaves what the first one's has left entered.
    lost: [`${SENT}(${ROOT} ${ROOT})`, SENT, SENT, ROOT],
    // An order whose sender injects nothing starts anew.
    whole: [WHOLE, SENT, SENT, ROOT, ROOT, "payments process orders consumer"],
  },
  "worker-loop": {
    lost: each(`${SENT}(payments process orders consumer)`, CHARGED),
    whole: each(
      `${SENT}(payments process orders consumer(payments process charges consumer(${CHARGED})))`,
    ),
  },
  pool: {
    lost: [
      `${SENT}(payments process orders consumer(${each(CHARGED).join(" ")}))`,
      ...[1, 2].map(() => `${SENT}(payments process orders consumer)`),
      "payments process orders consumer",
    ],
    whole: [...each(WHOLE), "payments process orders consumer"],
  },
  "dead-letter-not-reinjected": {
    lost: each(WHOLE, "support process dead consumer(support call customer)"),
    whole: each(
      `${SENT}(payments process orders consumer(${CHARGED} payments send dead producer(` +
        "support process dead consumer(support call customer))))",
    ),
  },
  "second-header": {
    lost: each(
      `${SENT}(payments process orders consumer(${CHARGED}) ` +
        "shipping process paid consumer(shipping pack parcel))",
    ),
    whole: each(
      `${SENT}(payments process orders consumer(${CHARGED} payments send paid producer(` +
        "shipping process paid consumer(shipping pack parcel))))",
    ),
  },
};

let brokers: string;
let stop = async (): Promise<void> => {};
before(async () => {
  const given = process.env["KAFKA_BROKERS"];
  if (given) return void (brokers = given);
  ({ brokers, stop } = await startEmbeddedKafka());
});
after(() => stop());

/** Runs one program to its end and gives the shapes of all traces that it exported. */
async function tracesOf(program: string): Promise<string[]> {
  const engine = new Engine();
  const receiver = await startOtlpReceiver({
    port: 0,
    onSpans: (spans) => engine.add(spans, performance.now()),
  });
  try {
    const env = { KAFKA_BROKERS: brokers, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint };
    await run(program, env);
    return engine
      .latest(100)
      .map(({ id }) => shape(engine.tree(id)?.roots ?? []))
      .toSorted();
  } finally {
    await receiver.stop();
  }
}

async function run(program: string, env: Record<string, string>): Promise<string> {
  const child = spawn(process.execPath, [...FLAGS, `${HERE}${program}`], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const [output, errors] = [text(child.stdout), text(child.stderr)];
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 0, `${program} failed: ${await errors}`);
  return output;
}

/** `service name kind(children)`; what tells one run's topics from another's is left out. */
function shape(nodes: readonly TreeNode[]): string {
  return nodes
    .map(({ span, children }) => {
      const kind = span.kind === "internal" ? "" : ` ${span.kind}`;
      const name = `${span.resource.service} ${span.name.replace(/-[0-9a-f]{8}$/, "")}${kind}`;
      return children.length === 0 ? name : `${name}(${shape(children)})`;
    })
    .toSorted()
    .join(" ");
}

for (const [fault, { lost, whole = each(WHOLE), needsReal }] of Object.entries(PAIRS)) {
  const skip = !process.env["KAFKA_BROKERS"] && needsReal !== undefined && needsReal;
  describe(fault, { skip }, () => {
    test("by hand: lost", { timeout }, async () => {
      assert.deepEqual(await tracesOf(`${fault}/lost.ts`), lost.toSorted());
    });
    test("with Throughline: whole", { timeout }, async () => {
      assert.deepEqual(await tracesOf(`${fault}/whole.ts`), whole.toSorted());
    });
  });
}

test("every pair of programs is tested", async () => {
  const entries = await readdir(HERE, { withFileTypes: true });
  const pairs = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  assert.deepEqual(pairs.toSorted(), Object.keys(PAIRS).toSorted());
});

test("run by itself, a program prints its traces", { timeout }, async () => {
  const printed = await run("span-before-extract/lost.ts", { KAFKA_BROKERS: brokers });
  const [trace, sent, charged] = printed.split("\n");
  assert.match(trace ?? "", /^trace [0-9a-f]{8}$/);
  assert.match(sent ?? "", /^ {2}checkout: send orders-[0-9a-f]{8} \(producer\)$/);
  assert.equal(charged, "    payments: charge card (internal)");
});
