import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { inFreshProcess } from "../child.ts";
import type { Ended, Observed } from "../coexist/observed.ts";

// Each client with the instrumentation that its users have, the real one, on a real server.

const installed = existsSync(new URL("../node_modules/.installed-from", import.meta.url));
if (!installed && process.env["CI"] !== undefined) {
  throw new Error("CI is set and the instrumentations are not there: npm run bench -- --prepare");
}

/** Why a test is skipped; false where it is not. */
function lacking(server: string, variable: string): string | false {
  if (!installed) return "the instrumentations are not installed: npm run bench -- --prepare";
  return process.env[variable] === undefined && `no ${server}: ${variable} is not set`;
}

/** What a program of bench/coexist saw, and its spans by who made them. */
async function ran(program: string, task: object): Promise<Observed & { by: Who }> {
  const file = new URL(`../coexist/${program}.ts`, import.meta.url);
  const observed = await inFreshProcess<Observed>(file, task, () => {});
  const who = (name: RegExp): Ended[] => observed.spans.filter(({ by }) => name.test(by));
  return {
    ...observed,
    by: { us: who(/^throughline/), them: who(/instrumentation|kafka-opentelemetry/) },
  };
}

interface Who {
  readonly us: readonly Ended[];
  readonly them: readonly Ended[];
}

function ofKind(spans: readonly Ended[], kind: string): readonly Ended[] {
  return spans.filter((span) => span.kind === kind);
}

function requestsOf(spans: readonly Ended[]): string[] {
  return spans.filter(({ name }) => name === "request").map(({ traceId }) => traceId);
}

/** One span of whoever sends, ours or theirs, for each send; each in its request's trace. */
function assertSentOnce({ spans, by }: Observed & { by: Who }, sends: number): void {
  assert.equal(ofKind(spans, "PRODUCER").length, sends);
  assert.equal(ofKind(by.them, "PRODUCER").length, sends);
  const requests = new Set(requestsOf(spans));
  for (const { traceId } of ofKind(spans, "PRODUCER")) assert.ok(requests.has(traceId));
}

function assertWarnedOnce({ warnings }: Observed, of: string): void {
  assert.equal(warnings.length, 1, warnings.join("\n"));
  assert.match(warnings[0] ?? "", new RegExp(`^throughline: ${of} is active`));
}

/** The context that was active in a handler is this span's. */
function assertActive(traceparent: string | undefined, span: Ended | undefined): void {
  assert.ok(span !== undefined, "there is no such span");
  assert.equal(traceparent, `00-${span.traceId}-${span.spanId}-01`);
}

const childOf = (spans: readonly Ended[], parent: Ended | undefined): Ended | undefined =>
  spans.find(({ parentId }) => parentId === parent?.spanId);

describe(
  "beside instrumentation-amqplib",
  {
    skip: lacking("RabbitMQ", "AMQP_URL"),
    timeout: 60_000,
  },
  () => {
    test("channels are recognised: one producer span a message, its process span theirs, ours where a message is got", async () => {
      const observed = await ran("amqplib", { url: process.env["AMQP_URL"] });
      const { by, active } = observed;
      assertWarnedOnce(observed, "@opentelemetry/instrumentation-amqplib");
      assertSentOnce(observed, 2);
      const [consumed, got] = ofKind(by.them, "PRODUCER");
      const processed = childOf(ofKind(by.them, "CONSUMER"), consumed);
      assertActive(active["consume"], processed);
      assertActive(active["processMessage in consume"], processed);
      assertActive(active["get"], childOf(ofKind(by.us, "CONSUMER"), got));
      assert.equal(ofKind(observed.spans, "CONSUMER").length, 2);
      assert.equal(new Set(observed.spans.map(({ traceId }) => traceId)).size, 1);
    });
  },
);

describe(
  "beside instrumentation-aws-sdk",
  {
    skip: lacking("fauxqs", "FAUXQS_ENDPOINT"),
    timeout: 60_000,
  },
  () => {
    test("clients are recognised: one producer span a send, and each received message's scope ours, in its sender's trace", async () => {
      const observed = await ran("aws-sdk", { endpoint: process.env["FAUXQS_ENDPOINT"] });
      const { by, active, facts } = observed;
      assertWarnedOnce(observed, "@opentelemetry/instrumentation-aws-sdk");
      assert.equal(facts["publisherAsItIs"], true);
      assertSentOnce(observed, 3);
      const senders = ofKind(by.them, "PRODUCER");
      for (const [at, name] of ["sent", "batch", "published"].entries()) {
        const processed = childOf(ofKind(by.us, "CONSUMER"), senders[at]);
        assertActive(active[name], processed);
        const settled = childOf(by.them, processed);
        assert.match(settled?.name ?? "", /Delete/);
        assert.equal(settled?.traceId, requestsOf(observed.spans)[at]);
      }
      assert.equal(ofKind(by.us, "CONSUMER").length, 3);
      assert.equal(by.us.length, 3);
    });
  },
);

const brokers = process.env["KAFKA_BROKERS"]?.split(",");

describe(
  "beside @platformatic/kafka-opentelemetry",
  {
    skip: lacking("Kafka", "KAFKA_BROKERS"),
    timeout: 60_000,
  },
  () => {
    test("producers are recognised and given back as they are; each message's scope is ours, in its sender's trace", async () => {
      const observed = await ran("platformatic", { brokers });
      const { by, active, facts } = observed;
      assertWarnedOnce(observed, "@platformatic/kafka-opentelemetry");
      assert.equal(facts["bothAsTheyAre"], true);
      assertSentOnce(observed, 2);
      for (const [at, sender] of ofKind(by.them, "PRODUCER").entries()) {
        assertActive(active[`order ${at + 1}`], childOf(ofKind(by.us, "CONSUMER"), sender));
      }
      assert.deepEqual(
        by.us.map(({ kind }) => kind),
        ["CONSUMER", "CONSUMER"],
      );
      assert.equal(
        new Set([...by.us, ...ofKind(by.them, "PRODUCER")].map(({ traceId }) => traceId)).size,
        1,
      );
    });
  },
);

describe(
  "beside instrumentation-kafkajs",
  {
    skip: lacking("Kafka", "KAFKA_BROKERS"),
    timeout: 60_000,
  },
  () => {
    test("clients are recognised: one producer span a message, eachMessage's span theirs, the scopes of a batch ours", async () => {
      const observed = await ran("kafkajs", { brokers });
      const { by, active } = observed;
      assertWarnedOnce(observed, "@opentelemetry/instrumentation-kafkajs");
      assertSentOnce(observed, 2);
      const [each, batch] = ofKind(by.them, "PRODUCER");
      assertActive(active["eachMessage"], childOf(ofKind(by.them, "CONSUMER"), each));
      assertActive(active["eachBatch"], childOf(ofKind(by.us, "CONSUMER"), batch));
      assert.equal(by.us.length, 1);
    });
  },
);
