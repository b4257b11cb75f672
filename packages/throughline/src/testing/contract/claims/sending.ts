import { SpanKind } from "@opentelemetry/api";
import assert from "node:assert";
import type { Claim } from "../claim.ts";
import { outcomeOf } from "../outcome.ts";
import { creating, processing, sendingMany } from "../spans-of.ts";

/** What a message is given when it is sent. */
export const sending: readonly Claim[] = [
  {
    name: "messages of one send have a create span each, in the sender's trace, and the send's span links to them",
    needs: ["sendMany"],
    async body(stage) {
      const { spans } = stage;
      const inbox = await stage.inbox();
      const handled = stage.each(inbox, 3, ({ text }) => stage.mark(`handled ${text}`));
      await stage.within("sender", () =>
        stage.send(
          inbox,
          ["a", "b", "c"].map((text) => stage.message(text)),
        ),
      );
      await handled;
      await spans.ended();
      spans.expectOneTrace();
      const created = spans.expectSpans(creating, 3).childOf("sender").spans;
      const sent = spans
        .expectSpan(sendingMany)
        .childOf("sender")
        .linkedTo(...created);
      sent.with({ "messaging.batch.message_count": 3 });
      assert.equal(sent.span.kind, SpanKind.CLIENT);
      const parents = spans
        .expectSpans(processing, 3)
        .spans.map((span) => span.parentSpanContext?.spanId);
      const ids = created.map((span) => span.spanContext().spanId);
      assert.deepStrictEqual(parents.toSorted(), ids.toSorted());
    },
  },
  {
    name: "messages that share one headers object are each given a context of their own",
    needs: ["sendMany"],
    async body(stage) {
      const { spans } = stage;
      const inbox = await stage.inbox();
      const seen = new Map<string | null, string>();
      const handled = stage.each(inbox, 3, ({ text, headers }) => {
        seen.set(text, valuesOf(headers, "traceparent").join());
        assert.deepStrictEqual(valuesOf(headers, "tenant"), ["a"]);
      });
      const shared = stage.headers([["tenant", "a"]]);
      await stage.send(
        inbox,
        ["a", "b", "c"].map((text) => stage.message(text, { headers: shared })),
      );
      await handled;
      const created = spans.expectSpans(creating, 3).spans.map((span) => {
        const { traceId, spanId } = span.spanContext();
        return `00-${traceId}-${spanId}-01`;
      });
      assert.deepStrictEqual([...seen.values()].toSorted(), created.toSorted());
    },
  },
  {
    name: "a context that a message carries in any letter case gives way to the new one, as one set",
    async body(stage) {
      const { spans } = stage;
      const inbox = await stage.inbox();
      const traceIds = new Set<string>();
      const handled = stage.each(inbox, 1, ({ headers }) => {
        const [sent] = spans.expectSpans(creating, 1).spans;
        const { traceId, spanId } = sent?.spanContext() ?? { traceId: "", spanId: "" };
        traceIds.add(traceId);
        const names = headers
          .map(([name]) => name.toLowerCase())
          .filter((name) => name.startsWith("trace"));
        assert.deepStrictEqual(names, ["traceparent"]);
        assert.deepStrictEqual(valuesOf(headers, "traceparent"), [`00-${traceId}-${spanId}-01`]);
      });
      await stage.within("sender", async () => {
        const { traceId } = spans.expectSpan("sender").spanContext();
        const headers = stage.headers([
          ["TraceParent", `00-${traceId}-00f067aa0ba902b7-01`],
          ["TRACESTATE", "stale=1"],
        ]);
        await stage.send(inbox, [stage.message("1", { headers })]);
      });
      await handled;
      spans.expectSpan(creating).childOf("sender");
      assert.equal(traceIds.size, 1);
    },
  },
  {
    name: "a send that fails makes its span an error, and is told to the sender as by the bare client",
    needs: ["failedSends"],
    async body(stage) {
      const { spans } = stage;
      const { connection, destination } = await stage.inbox();
      const bare = await stage.connection("bare");
      const failed = await stage.within("sender", () =>
        outcomeOf(() => connection.sendFailing?.(destination, [stage.message("1")]), destination),
      );
      await spans.ended();
      spans.expectSpan(creating).childOf("sender").failed();
      const bareFailed = await outcomeOf(
        () => bare.sendFailing?.(destination, [stage.message("1")]),
        destination,
      );
      assert.deepStrictEqual(failed, bareFailed);
      assert.notEqual(failed[0], "resolved");
    },
  },
];

/** The values of a header, whatever the letter case of its name. */
export function valuesOf(
  headers: readonly (readonly [string, string | null])[],
  name: string,
): (string | null)[] {
  return headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}
