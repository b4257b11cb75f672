// How the spans of a batch relate to its messages: the vectors of conformance/.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { processMessage, traced } from "throughline/kafkajs";
import { objectOf } from "./conformance-carried.ts";
import { vectors } from "./conformance-vectors.ts";
import { type FinishedSpan, tracing, type Tracing } from "./sdk.ts";
import { record, stubConsumer } from "./stub-kafkajs.ts";

let observed: Tracing;
before(() => {
  observed = tracing();
});
after(() => observed.shutdown());

for (const { name, messages, expect } of vectors("batch")) {
  test(`batch: ${name}`, async () => {
    const incoming = stubConsumer();
    observed.reset();
    await traced(incoming.client).run({
      eachBatch: async ({ batch }) => {
        for (const message of batch.messages) processMessage(message, () => {});
      },
    });
    await incoming.deliverBatch(
      messages.map((headers) => record({}, { headers: objectOf(headers) })),
    );

    const ended = observed.spans();
    const batch = ended.at(-1) as FinishedSpan;
    const linked = (span: FinishedSpan): string[] =>
      span.links.map(({ context }) => context.spanId);
    assert.equal(batch.parentSpanContext, undefined);
    assert.equal(batch.attributes["messaging.batch.message_count"], messages.length);
    assert.equal(batch.attributes["throughline.links.dropped"] ?? 0, expect.dropped);
    assert.deepEqual(linked(batch), expect.links);

    const handled = ended.slice(0, -1);
    assert.equal(handled.length, expect.messages.length);
    const told = new Set(expect.messages.map(({ traceId }) => traceId));
    expect.messages.forEach(({ traceId, parent, links }, at) => {
      const span = handled[at] as FinishedSpan;
      assert.equal(span.parentSpanContext?.spanId ?? null, parent);
      assert.deepEqual(linked(span), [...links, batch.spanContext().spanId]);
      if (traceId === "new") assert.ok(!told.has(span.spanContext().traceId));
      else assert.equal(span.spanContext().traceId, traceId);
    });
  });
}
