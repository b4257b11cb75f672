import assert from "node:assert/strict";
import { test } from "node:test";
import { CAPTURED, captured } from "../records.ts";

const TRACEPARENT = /^00-[\da-f]{32}-[\da-f]{16}-01$/;

for (const capture of CAPTURED) {
  test(`the ${capture} capture holds 600 records of as many traces over three partitions`, async () => {
    const batches = await captured(capture)();
    assert.deepEqual(batches.map(({ partition }) => partition).toSorted(), [0, 1, 2]);
    const messages = batches.flatMap((batch) => batch.messages);
    assert.equal(messages.length, 600);
    const traceparents = messages.map(({ headers }) => String(headers?.["traceparent"]));
    for (const traceparent of traceparents) assert.match(traceparent, TRACEPARENT);
    assert.equal(new Set(traceparents).size, 600);
  });
}

test("messages are new objects each time, as a consumer gets them", async () => {
  const fetch = captured("plain");
  const [[first], [second]] = [await fetch(), await fetch()];
  assert.notEqual(first?.messages[0], second?.messages[0]);
  assert.deepEqual(first?.messages[0]?.headers, second?.messages[0]?.headers);
});
