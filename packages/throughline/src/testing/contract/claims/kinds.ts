import assert from "node:assert";
import type { Claim } from "../claim.ts";
import { above, creating, processing } from "../spans-of.ts";
import { valuesOf } from "./sending.ts";

/** Messages that not every broker has. */
export const kinds: readonly Claim[] = [
  {
    name: "a message without a body arrives without one, in its sender's trace",
    needs: ["tombstones"],
    async body(stage) {
      const { spans } = stage;
      const inbox = await stage.inbox();
      const bodies: (string | null)[] = [];
      const handled = stage.each(inbox, 1, ({ text }) => {
        bodies.push(text);
        stage.mark("handled");
      });
      await stage.within("sender", () => stage.send(inbox, [stage.message(null)]));
      await handled;
      await spans.ended();
      assert.deepStrictEqual(bodies, [null]);
      spans.expectSpan("handled").inTraceOf("sender").childOf(processing);
    },
  },
  {
    name: "a header without a value neither stops the handler nor costs the message its trace",
    needs: ["emptyHeaders"],
    async body(stage) {
      const { client, spans } = stage;
      const inbox = await stage.inbox();
      const next = await stage.inbox({ name: "next" });
      const seen: unknown[] = [];
      const handled = stage.each(inbox, 1, async ({ message, headers, text }) => {
        seen.push(valuesOf(headers, "empty"));
        stage.mark("handled");
        const letter = client.functions.deadLetter(message as never, new Error("on"));
        await stage.send(next, [letter]);
        assert.equal(text, "1");
      });
      const arrived = stage.each(next, 1, () => stage.mark("repair"));
      const bare = await stage.connection("bare");
      const headers = stage.headers([
        ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
      ]);
      await bare.sendEmptyHeader?.(inbox.destination, stage.parts("1", { headers }), "empty");
      await Promise.all([handled, arrived]);
      await spans.ended();
      assert.deepStrictEqual(seen, [[null]]);
      const traceId = "0af7651916cd43dd8448eb211c80319c";
      spans.expectSpan("handled").inTraceOf({ traceId, spanId: "b7ad6b7169203331", traceFlags: 1 });
      spans.expectSpan("repair").inTraceOf("handled");
    },
  },
  {
    name: "compressed messages keep their traces",
    needs: ["compression", "sendMany"],
    async body(stage) {
      const { spans } = stage;
      const inbox = await stage.inbox();
      const handled = stage.each(inbox, 2, ({ text }) => stage.mark(`handled ${text}`));
      const messages = ["a", "b"].map((text) => stage.message(text.repeat(1000)));
      await stage.within("sender", () =>
        stage.send(inbox, messages, inbox.connection, { compressed: true }),
      );
      await handled;
      await spans.ended();
      spans.expectSpans(/^handled/, 2).inTraceOf("sender");
      spans.expectSpans(processing, 2).inTraceOf("sender");
    },
  },
  {
    name: "messages of a transaction that commits keep their traces, and those of one that aborts never arrive",
    needs: ["transactions"],
    async body(stage) {
      const { spans } = stage;
      const inbox = await stage.inbox();
      const { connection, destination } = inbox;
      const seen: (string | null)[] = [];
      const handled = stage.each(inbox, 2, ({ text }) => {
        seen.push(text);
        stage.mark(`handled ${text}`);
      });
      await stage.within("aborted", async () => {
        await connection.transact?.("abort", destination, [stage.message("never")]);
      });
      await stage.within("committed", async () => {
        await connection.transact?.("commit", destination, [stage.message("a")]);
      });
      await stage.send(inbox, [stage.message("last")]);
      await handled;
      await spans.ended();
      assert.deepStrictEqual(seen, ["a", "last"]);
      spans.expectSpan("handled a").inTraceOf("committed");
      const sent = spans.named(creating).filter((span) => span.parentSpanContext !== undefined);
      assert.equal(sent.length, 2, "a send in a transaction has no span");
      above(spans, (span) => span === above(spans, "handled a").span).childOf("committed");
    },
  },
];
