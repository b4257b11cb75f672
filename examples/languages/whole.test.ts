// Ten thousand orders through checkout (Node), payments (Java), shipping (Python) and dead letters
// (Node) on a real Kafka: each is one trace, its dead letter in it, by what the OTLP receiver was
// sent and by the API of a real Jaeger. An exact tree for each order also says that no span was
// dropped on the way. Run with: npm test -- examples/languages/whole.test.ts
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Engine, type OtlpReceiver, startOtlpReceiver } from "../../packages/doctor/src/index.ts";
import type { TreeNode } from "../../packages/doctor/src/index.ts";
import { cachedJaeger } from "../../services/jaeger/binary.ts";
import { type Jaeger, startJaeger } from "../../services/jaeger/start.ts";
import { DECLINED_CARD, type Order } from "../order-pipeline/src/orders.ts";
import { type JaegerSpan, jaegerTraces } from "./run/jaeger-traces.ts";
import { type Pipeline, SOLD_OUT, startPipeline } from "./run/pipeline.ts";
import { unprepared } from "./run/prepare.ts";
import { endingOf } from "./run/service.ts";
import { missingToolchains } from "./run/toolchains.ts";

const ORDERS = Number(process.env["LANGUAGES_ORDERS"] ?? 10_000);
/** One order in so many is declined by the bank, and one is of something sold out. */
const DECLINED_EVERY = 10;
const SOLD_OUT_EVERY = 15;
const AT_ONCE = 50;
/** How long no span may come while some are expected. */
const SILENCE_MS = 60_000;

const SENT = "checkout POST /orders(checkout send orders(";
const LETTER = "dead-letters process orders.dlq(dead-letters notify support)";
const PAID = "payments process orders(payments charge card payments send orders.paid(";
const TREES = {
  packed: `${SENT}${PAID}shipping process orders.paid(shipping pack parcel)))))`,
  // Declined twice; the dead letter continues the attempt that was the last.
  declined:
    `${SENT}payments process orders(payments charge card payments send orders.dlq(${LETTER})) ` +
    "payments process orders(payments charge card)))",
  soldOut:
    `${SENT}${PAID}shipping process orders.paid(shipping pack parcel ` +
    `shipping send orders.dlq(${LETTER}))))))`,
};
type Fate = keyof typeof TREES;
const DELIVERIES: Record<Fate, number> = { packed: 2, declined: 3, soldOut: 3 };

const brokers = process.env["KAFKA_BROKERS"] ?? "";
const reasons = [
  ...(brokers === "" ? ["no real Kafka: npm test starts one where it can"] : []),
  ...(await missingToolchains({ KAFKA_BROKERS: "given" })).map(({ name }) => `no ${name}`),
  ...(await unprepared()).map(
    (name) => `${name} is not built: npm run demo:languages -- --prepare`,
  ),
  ...((await cachedJaeger()) === undefined
    ? ["Jaeger is not built: npm run services -- jaeger"]
    : []),
];
const lacking = reasons.length > 0 && reasons.join("; ");
if (lacking !== false && process.env["CI"]) throw new Error(`CI must run this: ${lacking}`);

const prefix = `languages-${process.pid}-${Date.now()}.`;

function fateOf(number: number): Fate {
  if (number % DECLINED_EVERY === 0) return "declined";
  return number % SOLD_OUT_EVERY === 0 ? "soldOut" : "packed";
}

const orders = Array.from({ length: ORDERS }, (_, index) => {
  const fate = fateOf(index + 1);
  const order: Order = {
    id: `order-${index + 1}`,
    item: fate === "soldOut" ? SOLD_OUT : "kettle",
    cents: 1200,
    card: fate === "declined" ? DECLINED_CARD : "4242",
  };
  return { fate, order };
});
const fates = new Map(orders.map(({ fate, order }) => [order.id, fate]));
/** Spans of a tree: each is a service, its name and, but for the last, a bracket or a blank. */
const spansOf = (fate: Fate): number =>
  TREES[fate].split(/[( ](?=checkout|payments|shipping|dead)/).length;
const expectedSpans = orders.reduce((sum, { fate }) => sum + spansOf(fate), 0);

interface Node {
  readonly name: string;
  readonly children: readonly Node[];
}

/** `service name(children)`, siblings by their text. */
function shape(nodes: readonly Node[]): string {
  return nodes
    .map(({ name, children }) => (children.length === 0 ? name : `${name}(${shape(children)})`))
    .toSorted()
    .join(" ");
}

/** How often each fate's tree is among the traces; any other tree fails with itself and its order. */
function counted(traces: Iterable<{ readonly order: string; readonly tree: string }>) {
  const counts: Record<Fate, number> = { packed: 0, declined: 0, soldOut: 0 };
  const seen = new Set<string>();
  for (const { order, tree } of traces) {
    const fate = fates.get(order);
    assert.ok(fate !== undefined, `an order that nobody placed: ${order}`);
    assert.equal(tree, TREES[fate], order);
    assert.ok(!seen.has(order), `${order} is in several traces`);
    seen.add(order);
    counts[fate] += 1;
  }
  return counts;
}

const placed: Record<Fate, number> = { packed: 0, declined: 0, soldOut: 0 };
for (const { fate } of orders) placed[fate] += 1;

// A suite that is skipped is told by no line of its own.
const name = `${ORDERS} orders through three languages`;
if (lacking !== false) test(name, { skip: lacking });
describe(name, { skip: lacking }, () => {
  // Its window holds all of them.
  const engine = new Engine({ spans: 40 * ORDERS, encodedBytes: 2 ** 30 });
  let receiver: OtlpReceiver;
  let jaeger: Jaeger;
  let pipeline: Pipeline;
  const ended: string[] = [];
  const from = new Date();
  /** Spans that have come, batches not counted, and who waits for more. */
  const arrival = { count: 0, wake: (): void => {} };

  before(async () => {
    receiver = await startOtlpReceiver({
      port: 0,
      limits: { bodyBytes: 64 * 2 ** 20, pendingBytes: 256 * 2 ** 20 },
      onSpans(spans) {
        engine.add(spans, performance.now());
        arrival.count += spans.filter(
          ({ attributes }) => !attributes.has("messaging.batch.message_count"),
        ).length;
        arrival.wake();
      },
    });
    jaeger = await startJaeger({
      progress: () => {},
      forwardTo: receiver.endpoint,
      maxTraces: 4 * ORDERS + 1000,
    });
    pipeline = await startPipeline({
      brokers,
      prefix,
      endpoint: jaeger.otlp,
      onEnd: (end) => ended.push(endingOf(end)),
    });
    await place();
    await allReceived();
    await pipeline.stop();
  });
  after(async () => {
    await pipeline?.stop();
    await jaeger?.stop();
    await receiver?.stop();
  });

  async function place(): Promise<void> {
    const rest = orders.values();
    // A connection each: one that is kept may be closed by checkout just as it is used again.
    const headers = { connection: "close" };
    const customer = async (): Promise<void> => {
      for (const { order } of rest) {
        const body = JSON.stringify(order);
        const response = await fetch(pipeline.checkout, { method: "POST", body, headers });
        assert.equal(response.status, 202, await response.text());
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, customer));
  }

  /** Settles when every span has come that is expected; rejects when none has for a minute. */
  async function allReceived(): Promise<void> {
    while (arrival.count < expectedSpans) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve, reject) => {
        arrival.wake = resolve;
        const why = `only ${arrival.count} of ${expectedSpans} spans came. ${ended.join("\n")}`;
        timer = setTimeout(() => reject(new Error(why)), SILENCE_MS);
      }).finally(() => clearTimeout(timer));
    }
  }

  test("no service has ended unasked", () => assert.deepEqual(ended, []));

  test("no message is orphaned: each is handled in the trace it was sent in", () => {
    const { messages, window } = engine.snapshot();
    const connected = orders.reduce((sum, { fate }) => sum + DELIVERIES[fate], 0);
    assert.deepEqual(messages, { connected, linked: 0, broken: 0, waiting: 0 });
    assert.deepEqual([window.forgotten, window.refused], [0, 0]);
  });

  test("every order is one trace over all its services, its dead letter in it", () => {
    const named = ({ span, children }: TreeNode): Node => ({
      name: `${span.resource.service} ${span.name.replace(prefix, "")}`,
      children: children.map(named),
    });
    const traces = engine.latest(Infinity).flatMap(({ id, spans }) => {
      const keys = [...spans.values()].flatMap(({ attributes }) =>
        attributes.has("messaging.batch.message_count")
          ? []
          : [attributes.get("messaging.kafka.message.key")],
      );
      const own = [...new Set(keys.filter((key) => typeof key === "string"))];
      if (own.length === 0) return []; // a batch as a whole
      assert.equal(own.length, 1, `trace ${id} has the messages of ${own.join(", ")}`);
      const tree = shape((engine.tree(id)?.roots ?? []).map(named));
      return [{ order: own[0] ?? "", tree }];
    });
    assert.deepEqual(counted(traces), placed);
  });

  test("Jaeger has every order as that one trace, by its API", async () => {
    const traces = new Map<string, { order: string; tree: string }>();
    const query = { service: "checkout", operation: "POST /orders", from, to: new Date() };
    for await (const spans of jaegerTraces(jaeger.query, query)) {
      const keys = spans.map(({ attributes }) => attributes.get("messaging.kafka.message.key"));
      const order = keys.find((key) => key !== undefined) ?? "";
      traces.set(spans[0]?.traceId ?? "", { order, tree: shape(treeOf(spans)) });
    }
    assert.deepEqual(counted(traces.values()), placed);
  });
});

function treeOf(spans: readonly JaegerSpan[]): Node[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const below = (parent: string): Node[] =>
    spans
      .filter(({ parentSpanId }) => (ids.has(parentSpanId) ? parentSpanId : "") === parent)
      .map(({ service, name, spanId }) => ({
        name: `${service} ${name.replace(prefix, "")}`,
        children: below(spanId),
      }));
  return below("");
}
