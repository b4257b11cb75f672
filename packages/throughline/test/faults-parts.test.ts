// A part of tracing that fails takes no other with it: what can still be carried is carried, what can
// still be made or counted is. Rule 8.
import {
  context,
  type MeterProvider,
  ROOT_CONTEXT,
  type SpanContext,
  type TextMapPropagator,
  trace,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Message } from "kafkajs";
import { type Options, traced } from "throughline/kafkajs";
import { tracing, type Tracing } from "./sdk.ts";
import { header, record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const AMBIENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const active = trace.setSpanContext(ROOT_CONTEXT, {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: 1,
});

let observed: Tracing;
beforeEach(() => {
  observed = tracing();
});
afterEach(() => observed.shutdown());

const fail = (): never => {
  throw new Error("tracing's own");
};
const tracer = { startSpan: fail, startActiveSpan: fail } as unknown as Tracer;
const broken: Readonly<Record<string, Options>> = {
  tracer: { tracerProvider: { getTracer: () => tracer } satisfies TracerProvider },
  "tracer provider": { tracerProvider: { getTracer: fail } satisfies TracerProvider },
  "tracer that is none": { tracerProvider: { getTracer: () => ({}) as Tracer } },
};

/** The span that is active in the handler of a message with a context. */
async function handled(options: Options): Promise<SpanContext | undefined> {
  const incoming = stubConsumer();
  let seen: SpanContext | undefined;
  await traced(incoming.client, options).run({
    async eachMessage() {
      seen = trace.getSpanContext(context.active());
    },
  });
  await incoming.deliver(record({ traceparent: TRACEPARENT }));
  return seen;
}

/** What kafkajs is given of so many messages that are sent under the ambient span. */
async function sent(messages: Message[], options: Options): Promise<readonly Message[]> {
  const outgoing = stubProducer();
  const producer = traced(outgoing.client, options);
  await context.with(active, () => producer.send({ topic: "orders", messages }));
  return outgoing.messages();
}

async function counted(name: string): Promise<unknown> {
  const points = (await observed.metrics()).get(name)?.points ?? [];
  const sum = (total: number, { value }: { value: unknown }): number =>
    total + (typeof value === "number" ? value : (value as { count: number }).count);
  return points.reduce(sum, 0);
}

for (const [name, options] of Object.entries(broken)) {
  test(`a ${name} that fails: the message's own context is active all the same, and timed`, async () => {
    const before = await counted("messaging.process.duration");
    assert.equal((await handled(options))?.spanId, "00f067aa0ba902b7");
    assert.equal(await counted("messaging.process.duration"), Number(before) + 1);
  });

  for (const count of [1, 2, 200]) {
    test(`a ${name} that fails: ${count} sent carry the active context, or their own`, async () => {
      const own = { value: "own", headers: { traceparent: TRACEPARENT } };
      const others = Array.from({ length: count - 1 }, () => ({ value: "1" }));
      const [first, ...rest] = await sent([{ value: "1" }, ...others].slice(0, count), options);
      for (const message of [first, ...rest]) {
        assert.equal(header(message ?? {}, "traceparent"), AMBIENT);
      }
      const [continued] = await sent([own], options);
      assert.equal(header(continued ?? {}, "traceparent"), TRACEPARENT);
    });
  }
}

test("a propagator that fails: spans are made and counted all the same", async () => {
  const propagator: TextMapPropagator = { fields: fail, inject: fail, extract: fail };
  await handled({ propagator });
  await sent([{ value: "1" }], { propagator });
  const names = observed.spans().map((span) => span.name);
  assert.deepEqual(names.toSorted(), ["process orders", "send orders"]);
});

test("a meter provider that fails: context is carried and spans are made all the same", async () => {
  const options: Options = { meterProvider: { getMeter: fail } satisfies MeterProvider };
  assert.equal((await handled(options))?.traceId, TRACE);
  const [message] = await sent([{ value: "1" }], options);
  const send = observed.spans().find((span) => span.name === "send orders");
  assert.ok(
    String(header(message ?? {}, "traceparent")).includes(send?.spanContext().spanId ?? "-"),
  );
});
