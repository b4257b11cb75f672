import assert from "node:assert/strict";
import { test } from "node:test";
import { processMessage } from "throughline";
import { tracing } from "./sdk.ts";

test("of a traceparent repeated a thousand times, as many are linked as a span keeps", async (t) => {
  const observed = tracing();
  t.after(() => observed.shutdown());
  const traceparent = Array.from(
    { length: 1000 },
    (_, at) => `00-${String(at + 1).padStart(32, "0")}-00f067aa0ba902b7-01`,
  );
  processMessage({ headers: { traceparent } }, () => {}, { system: "kafka", destination: "t" });
  const [span] = observed.spans();
  assert.equal(span?.links.length, 128);
  assert.equal(span.links.at(-1)?.context.traceId, "1000".padStart(32, "0"));
  assert.equal(span.attributes["throughline.context.duplicates"], 128);
});
