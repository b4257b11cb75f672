// A dead letter under a propagator of the application's own.
import {
  context,
  createContextKey,
  ROOT_CONTEXT,
  type TextMapPropagator,
} from "@opentelemetry/api";
import { CompositePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { deadLetter, traced } from "throughline/kafkajs";
import { tracing, type Tracing } from "./sdk.ts";
import { carried, header, record, stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
afterEach(() => observed.shutdown());

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const TENANT = createContextKey("tenant");

/** Carries a value of the application's own. */
const tenant: TextMapPropagator = {
  fields: () => ["x-tenant"],
  inject(from, carrier, setter) {
    const value = from.getValue(TENANT);
    if (typeof value === "string") setter.set(carrier, "x-tenant", value);
  },
  extract: (onto, carrier, getter) => onto.setValue(TENANT, getter.get(carrier, "x-tenant")),
};
const both = (): TextMapPropagator =>
  new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), tenant] });

const blue = () => record({ traceparent: `00-${TRACE}-${SPAN}-01`, "x-tenant": "blue" });
const red = ROOT_CONTEXT.setValue(TENANT, "red");

test("what it carries beside the trace is the record's own, not the ambient one", () => {
  observed = tracing({ propagator: both() });
  const letter = context.with(red, () => deadLetter(blue(), new Error("x")));
  assert.equal(header(letter, "x-tenant"), "blue");
  assert.deepEqual(carried(letter), { traceId: TRACE, spanId: SPAN, flags: "01" });
});

test("it stays so through a traced producer, whatever is ambient there", async () => {
  observed = tracing({ propagator: both() });
  const outgoing = stubProducer();
  const producer = traced(outgoing.client);
  const messages = [deadLetter(blue(), new Error("x"))];
  await context.with(red, () => producer.send({ topic: "orders.dlq", messages }));
  const [sent] = outgoing.messages();
  assert.equal(header(sent ?? {}, "x-tenant"), "blue");
  assert.equal(carried(sent ?? {}).spanId, observed.spans()[0]?.spanContext().spanId);
});

test("with one that throws, the letter is made without a context", () => {
  const broken: TextMapPropagator = {
    fields: () => ["x-broken"],
    inject: () => assert.fail("inject"),
    extract: () => assert.fail("extract"),
  };
  observed = tracing({ propagator: broken });
  const letter = deadLetter(record({ kept: "a" }), new Error("card declined"));
  assert.equal(header(letter, "kept"), "a");
  assert.equal(header(letter, "dlq.error.message"), "card declined");
});
