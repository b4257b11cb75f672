// What an application's OpenTelemetry lacks, so that traces end at the broker although spans are
// recorded: said once, and counted as unread.
import { context, diag, propagation, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { test } from "node:test";
import { traced } from "throughline/kafkajs";
import { tracing, type TracingOptions } from "./sdk.ts";
import { record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const warned: string[] = [];
const quiet = (): void => {};
const warn = (text: string): void => void warned.push(text);
diag.setLogger({ error: quiet, warn, info: quiet, debug: quiet, verbose: quiet });

/** Delivers and sends one message; gives what was warned of meanwhile. */
async function handle(topic: string): Promise<readonly string[]> {
  const before = warned.length;
  const incoming = stubConsumer();
  await traced(incoming.client, { groupId: "g" }).run({ eachMessage: async () => {} });
  await incoming.deliver(record({ traceparent: TRACEPARENT }), { topic });
  await traced(stubProducer().client).send({ topic, messages: [{ value: "1" }] });
  return warned.slice(before);
}

async function outcomes(observed: ReturnType<typeof tracing>, topic: string): Promise<object> {
  const points = (await observed.metrics()).get("throughline.context")?.points ?? [];
  return Object.fromEntries(
    points
      .filter(({ attributes }) => Object.values(attributes).includes(topic))
      .map(({ attributes, value }) => [attributes["outcome"], value]),
  );
}

async function over<Result>(
  options: TracingOptions,
  work: (observed: ReturnType<typeof tracing>) => Promise<Result>,
): Promise<Result> {
  const observed = tracing(options);
  try {
    return await work(observed);
  } finally {
    await observed.shutdown();
  }
}

test("an application that lacks nothing is told nothing", async () => {
  assert.deepEqual(await over({}, () => handle("whole")), []);
});

test("without an SDK nothing is said: nobody asked for spans", async () => {
  assert.equal(trace.getActiveSpan(), undefined);
  assert.deepEqual(propagation.fields(), []);
  assert.deepEqual(await handle("no SDK"), []);
});

test("spans that are turned down are no reason to say anything", async () => {
  const options = { propagator: null, contextManager: false, sampler: "always_off" } as const;
  assert.deepEqual(await over(options, () => handle("unsampled")), []);
});

test("spans without a propagator: said once, with the way out, and messages count as unread", async () => {
  await over({ propagator: null }, async (observed) => {
    const [said, ...others] = await handle("no propagator");
    assert.match(said ?? "", /^throughline: no propagator is registered: .*setGlobalPropagator/);
    assert.deepEqual(others, []);
    assert.deepEqual(await handle("no propagator"), []);
    assert.deepEqual(await outcomes(observed, "no propagator"), { unread: 2 });
  });
});

test("spans without a context manager: said once, with the way out", async () => {
  await over({ contextManager: false }, async (observed) => {
    const [said, ...others] = await handle("no manager");
    assert.match(said ?? "", /^throughline: no context manager is registered: .*setGlobalContext/);
    assert.deepEqual(others, []);
    assert.deepEqual(await outcomes(observed, "no manager"), { extracted: 1 });
  });
});

test("a context manager that fails is counted, and costs no span", async () => {
  await over({ contextManager: false }, async (observed) => {
    context.setGlobalContextManager({
      active: () => {
        throw new Error("tracing's own");
      },
      with: () => {
        throw new Error("tracing's own");
      },
      bind: (_context, target) => target,
      enable() {
        return this;
      },
      disable() {
        return this;
      },
    });
    await handle("failing manager");
    assert.equal(observed.spans().length, 2);
  });
});
