// What is sent while a record is handled, and what its dead letter carries: the vectors of
// conformance/.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Message } from "kafkajs";
import { deadLetter, processMessage, traced } from "throughline/kafkajs";
import { expectCarried, objectOf, written } from "./conformance-carried.ts";
import { vectors } from "./conformance-vectors.ts";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";
import { record, stubConsumer, stubProducer } from "./stub-kafkajs.ts";

let observed: Tracing;
before(() => {
  observed = tracing();
});
after(() => observed.shutdown());

const named = (name: string): FinishedSpan | undefined =>
  observed.spans().find((span) => span.name.startsWith(`${name} `));

for (const { name, consumed, sent, expect } of vectors("forward")) {
  test(`forward: ${name}`, async () => {
    const outgoing = stubProducer();
    const incoming = stubConsumer();
    observed.reset();
    const message = { value: "x", ...(sent.headers && { headers: objectOf(sent.headers) }) };
    const send = async (): Promise<void> => {
      await traced(outgoing.client).send({ topic: sent.topic, messages: [message] });
    };
    if (consumed === null) await send();
    else {
      await traced(incoming.client).run({ eachMessage: send });
      await incoming.deliver(record({}, { headers: objectOf(consumed) }));
    }

    const process = named("process");
    const sending = named("send") as FinishedSpan;
    const idOf = (id: string): string | undefined =>
      id === "process" ? process?.spanContext().spanId : id;
    const carried = expectCarried(outgoing.messages()[0]?.headers, expect);
    assert.equal(carried?.spanId, sending.spanContext().spanId);
    assert.equal(carried?.traceId, sending.spanContext().traceId);
    assert.equal(
      sending.parentSpanContext?.spanId,
      expect.parent === null ? undefined : idOf(expect.parent),
    );
    assert.deepEqual(
      sending.links.map(({ context }) => context.spanId).toSorted(),
      expect.links.map(idOf).toSorted(),
    );
    if (expect.traceId === "process") {
      assert.equal(carried?.traceId, process?.spanContext().traceId);
    } else if (expect.traceId === "new") {
      const others = sending.links.map((each) => each.context.traceId);
      assert.ok(carried !== undefined && !others.includes(carried.traceId));
    } else assert.equal(carried?.traceId, expect.traceId);
  });
}

for (const { name, record: from, where, error, options, expect } of vectors("dead-letter")) {
  test(`dead letter: ${name}`, async () => {
    const incoming = stubConsumer();
    observed.reset();
    const { topic, partition, group, offset, timestampMs } = from;
    const headers = objectOf(from.headers);
    const message = record({}, { headers, offset, timestamp: String(timestampMs) });
    let letter: Message | undefined;
    const park = (): void => {
      letter = deadLetter(message, new Error(error), options);
    };
    await traced(incoming.client, { groupId: group }).run({
      eachBatch: async () => {
        // In a batch a record is known, and handled only where processMessage is called.
        if (where === "handler") processMessage(message, park);
        else park();
      },
    });
    await incoming.deliverBatch([message], { topic, partition });

    const process = observed
      .spans()
      .find((span) => span.attributes["messaging.kafka.offset"] !== undefined);
    const attempt = process?.spanContext();
    const { kept } = written(letter?.headers);
    const dlq = Object.fromEntries(
      kept
        .filter(([key]) => key.startsWith("dlq."))
        .map(([key, text]) => [key, Buffer.from(text ?? "", "latin1").toString("utf8")]),
    );
    const { "dlq.error.type": type, "dlq.failed": failed, ...told } = dlq;
    assert.deepEqual(told, expect.dlq);
    assert.equal(type, "Error");
    const carried = expectCarried(letter?.headers, expect, { told: dlq, nullAs: "" });
    if (expect.parent === "process") {
      assert.equal(carried?.spanId, attempt?.spanId);
      const flags = `0${(carried?.flags ?? 0) & 1}`;
      assert.equal(failed, `00-${attempt?.traceId}-${attempt?.spanId}-${flags}`);
    } else {
      assert.equal(carried?.spanId ?? null, expect.parent);
      assert.equal(failed, undefined);
    }
    const traceId = expect.traceId === "process" ? attempt?.traceId : expect.traceId;
    assert.equal(carried?.traceId ?? null, traceId);
  });
}
