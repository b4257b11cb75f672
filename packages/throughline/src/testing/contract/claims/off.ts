import { context, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import assert from "node:assert";
import type { Claim } from "../claim.ts";
import type { Received } from "../inbox.ts";
import { tenant, turn, withTenant } from "./handling.ts";
import { valuesOf } from "./sending.ts";

/** Tracing that is off in part, or altogether. */
export const off: readonly Claim[] = [
  {
    name: "without spans, a message carries its sender's span and is handled under it",
    async body(stage) {
      const { spans } = stage;
      const inbox = await stage.inbox({ options: { spans: "off" } });
      const handled = stage.each(inbox, 1, async () => {
        await turn();
        stage.mark(`handled for ${tenant()}`);
        assert.equal(trace.getActiveSpan()?.isRecording(), false);
      });
      await withTenant("a", () =>
        stage.within("sender", () => stage.send(inbox, [stage.message("1")])),
      );
      await handled;
      spans.expectSpan("handled for a").childOf("sender");
      assert.equal(spans.all().length, 2, "a span that was not asked for");
    },
  },
  {
    name: "an unsampled trace goes on unsampled through the broker",
    sdk: "sampling nothing",
    async body(stage) {
      const inbox = await stage.inbox();
      const traceIds: (string | undefined)[] = [];
      const seen: Received[] = [];
      const handled = stage.each(inbox, 1, async (received) => {
        await turn();
        traceIds.push(trace.getActiveSpan()?.spanContext().traceId);
        assert.equal(trace.getActiveSpan()?.spanContext().traceFlags, 0);
        seen.push(received);
      });
      await stage.within("sender", () => {
        traceIds.push(trace.getActiveSpan()?.spanContext().traceId);
        return stage.send(inbox, [stage.message("1")]);
      });
      await handled;
      const [carried] = valuesOf(seen[0]?.headers ?? [], "traceparent");
      assert.match(String(carried), new RegExp(`^00-${traceIds[0]}-[0-9a-f]{16}-00$`));
      assert.equal(traceIds[1], traceIds[0]);
      assert.equal(stage.spans.all().length, 0);
    },
  },
  {
    name: "without an SDK messages arrive as they were sent, and handlers run as they are",
    sdk: "none",
    async body(stage) {
      const inbox = await stage.inbox();
      const sent: [string, string][] = [
        ["tenant", "a"],
        ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
      ];
      const seen: Received[] = [];
      const handled = stage.each(inbox, 1, async (received) => {
        assert.equal(context.active(), ROOT_CONTEXT);
        assert.equal(propagation.getActiveBaggage(), undefined);
        await turn();
        seen.push(received);
      });
      const connection = await stage.connection();
      await stage.send(inbox, [stage.message("1", { headers: stage.headers(sent) })], connection);
      await handled;
      const [received] = seen;
      assert.equal(received?.text, "1");
      for (const [name, value] of sent)
        assert.deepStrictEqual(valuesOf(received?.headers ?? [], name), [value]);
      const added = received?.headers
        .map(([name]) => name)
        .filter((name) => name === "tracestate" || name === "baggage");
      assert.deepStrictEqual(added, []);
    },
  },
];
