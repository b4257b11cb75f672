import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Span, TraceTree, TreeNode } from "../../../packages/doctor/src/index.ts";
import { startEmbeddedKafka } from "../../../services/embedded-kafka/start.ts";
import { createTopics } from "../../../services/topics.ts";
import { DECLINED_CARD } from "../src/orders.ts";
import { run, type Running } from "./running.ts";

const PAID = ["o1", "o3", "o4", "o5", "o7", "o8"];
const DECLINED = ["o2", "o6"];

const PAID_TREE =
  "checkout POST /orders(checkout send orders(" +
  "payments process orders(payments charge card) " +
  "shipping process orders(shipping pack parcel)))";
const DECLINED_TREE =
  "checkout POST /orders(checkout send orders(" +
  "payments process orders(payments charge card payments send orders.dlq(" +
  "dead-letters process orders.dlq(dead-letters notify support))) " +
  "payments process orders(payments charge card) " +
  "shipping process orders(shipping pack parcel)))";

interface Cluster {
  readonly brokers: string;
  readonly prefix: string;
  stop(): Promise<void>;
}

const CLUSTERS: Record<string, () => Promise<Cluster | undefined>> = {
  "an embedded Kafka": async () => ({ ...(await startEmbeddedKafka()), prefix: "" }),
  "a real Kafka": async () => {
    const brokers = process.env["KAFKA_BROKERS"];
    if (!brokers) return undefined;
    const prefix = `pipeline-${process.pid}-${Date.now()}-`;
    await createTopics(brokers, { [`${prefix}orders`]: 3, [`${prefix}orders.dlq`]: 1 });
    return { brokers, prefix, stop: async () => {} };
  },
};

for (const [named, start] of Object.entries(CLUSTERS)) {
  describe(`on ${named}`, () => {
    test("every order is one trace over all services, its dead letter included", async (t) => {
      const cluster = await start();
      if (cluster === undefined) return t.skip("no real Kafka: set KAFKA_BROKERS, or npm test");
      await placeOrders({ ...cluster, without: false }, 6 * 6 + 2 * 11, ({ engine, spans }) => {
        const { connected, linked, broken, waiting } = engine.snapshot().messages;
        assert.deepEqual([connected, linked, broken, waiting], [6 * 2 + 2 * 4, 0, 0, 0]);
        for (const order of [...PAID, ...DECLINED]) {
          const [traceId, ...others] = tracesOf(order, spans);
          assert.deepEqual(others, [], `${order} is in several traces`);
          const tree = engine.tree(traceId ?? "") as TraceTree;
          const expected = DECLINED.includes(order) ? DECLINED_TREE : PAID_TREE;
          assert.equal(shape(tree.roots, cluster.prefix), expected, order);
        }
        assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 8);
      });
    });

    test("without extraction every order is several traces, and every handling an orphan", async (t) => {
      const cluster = await start();
      if (cluster === undefined) return t.skip("no real Kafka: set KAFKA_BROKERS, or npm test");
      await placeOrders({ ...cluster, without: true }, 6 * 6 + 2 * 10, ({ engine, spans }) => {
        const { connected, linked, broken, waiting } = engine.snapshot().messages;
        assert.deepEqual([connected, linked, broken, waiting], [0, 0, 6 * 2 + 2 * 3, 0]);
        for (const order of PAID) assert.equal(tracesOf(order, spans).length, 3, order);
        for (const order of DECLINED) {
          const shapes: string[] = tracesOf(order, spans).map((id): string =>
            shape(engine.tree(id)?.roots ?? [], cluster.prefix),
          );
          assert.deepEqual(shapes.toSorted(), [
            "checkout POST /orders(checkout send orders)",
            "dead-letters process orders.dlq(dead-letters notify support)",
            "payments process orders(payments charge card payments charge card payments send orders.dlq)",
            "shipping process orders(shipping pack parcel)",
          ]);
        }
      });
    });
  });
}

async function placeOrders(
  options: Cluster & { readonly without: boolean },
  spans: number,
  check: (running: Running) => void,
): Promise<void> {
  try {
    const running = await run(options);
    try {
      for (const order of [...PAID, ...DECLINED].toSorted()) {
        await running.order(order, DECLINED.includes(order) ? DECLINED_CARD : "4242");
      }
      await running.received(spans);
      check(running);
    } finally {
      await running.stop();
    }
  } finally {
    await options.stop();
  }
}

/** The traces with a span that tells the order's key. */
function tracesOf(order: string, spans: readonly Span[]): string[] {
  const own = spans.filter((span) => span.attributes.get("messaging.kafka.message.key") === order);
  return [...new Set(own.map(({ traceId }) => traceId))];
}

/** `service name(children)`, siblings by their text: which service is quicker does not matter. */
function shape(nodes: readonly TreeNode[], prefix: string): string {
  return nodes
    .map(({ span, children }) => {
      const name = `${span.resource.service} ${span.name.replace(prefix, "")}`;
      return children.length === 0 ? name : `${name}(${shape(children, prefix)})`;
    })
    .toSorted()
    .join(" ");
}
