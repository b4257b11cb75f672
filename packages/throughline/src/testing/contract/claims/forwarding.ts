import assert from "node:assert";
import type { Claim } from "../claim.ts";
import type { Received } from "../inbox.ts";
import { above, creating } from "../spans-of.ts";
import { snapshotOf, assertUntouched } from "../untouched.ts";
import { valuesOf } from "./sending.ts";
import { tenant, withTenant } from "./handling.ts";

/** Consumed messages that are sent on, as they are or made into others. */
export const forwarding: readonly Claim[] = [
  {
    name: "a message that is sent on while it is handled stays in its trace, with one context in its headers",
    async body(stage) {
      const { client, spans } = stage;
      const [first, next] = [await stage.inbox(), await stage.inbox({ name: "next" })];
      const sentOn = stage.each(first, 1, async ({ message, text }) => {
        stage.mark("first");
        const headers = client.headersOf(message);
        const before = snapshotOf(headers, "headers");
        await stage.send(next, [stage.message(text, { headers })]);
        assertUntouched(before, headers, "headers");
      });
      const arrived = stage.each(next, 1, ({ headers }) => {
        stage.mark(`next for ${tenant()}`);
        assert.equal(valuesOf(headers, "traceparent").length, 1);
        assert.equal(valuesOf(headers, "baggage").length, 1);
      });
      await withTenant("a", () =>
        stage.within("sender", () => stage.send(first, [stage.message("1")])),
      );
      await Promise.all([sentOn, arrived]);
      await spans.ended();
      spans.expectOneTrace();
      const handled = above(spans, "first");
      const sending = above(spans, (span) => span === above(spans, "next for a").span);
      sending.childOf(handled);
    },
  },
  {
    name: "a message that is sent on with all that it brought stays in its trace, with one context in its headers, and is not written to",
    needs: ["sendingOn"],
    async body(stage) {
      const { spans } = stage;
      const [first, next] = [await stage.inbox(), await stage.inbox({ name: "next" })];
      const sentOn = stage.each(first, 1, async ({ message }) => {
        stage.mark("first");
        const before = snapshotOf(message, "message");
        await first.connection.sendOn?.(next.destination, message);
        assertUntouched(before, message, "message");
      });
      const arrived = stage.each(next, 1, ({ headers }) => {
        stage.mark("next");
        assert.equal(valuesOf(headers, "traceparent").length, 1);
        assert.deepStrictEqual(valuesOf(headers, "tenant"), ["a"]);
      });
      const message = stage.message("1", { headers: stage.headers([["tenant", "a"]]) });
      await stage.within("sender", () => stage.send(first, [message]));
      await Promise.all([sentOn, arrived]);
      await spans.ended();
      spans.expectOneTrace();
      above(spans, (span) => span === above(spans, "next").span).childOf(above(spans, "first"));
    },
  },
  {
    name: "a message that is sent on outside of any span stays in the trace that it carries",
    async body(stage) {
      const { client, spans } = stage;
      const [first, next] = [await stage.inbox(), await stage.inbox({ name: "next" })];
      let held: Received | undefined;
      const handled = stage.each(first, 1, (received) => {
        held = received;
        stage.mark("first");
      });
      await stage.within("sender", () => stage.send(first, [stage.message("1")]));
      await handled;
      await spans.ended();
      const created = spans.expectSpan(creating).span;
      const arrived = stage.each(next, 1, () => stage.mark("next"));
      const headers = client.headersOf(held?.message ?? {});
      await stage.send(next, [stage.message("1", { headers })]);
      await arrived;
      await spans.ended();
      const sending = above(spans, (span) => span === above(spans, "next").span);
      sending.childOf(created);
      spans.expectOneTrace();
    },
  },
  {
    name: "a message of another trace that is sent on stays there, linked to the span that was active",
    async body(stage) {
      const { client, spans } = stage;
      const [first, next] = [await stage.inbox(), await stage.inbox({ name: "next" })];
      let held: Received | undefined;
      const handled = stage.each(first, 1, (received) => void (held = received));
      await stage.within("sender", () => stage.send(first, [stage.message("1")]));
      await handled;
      await spans.ended();
      const created = spans.expectSpan(creating).span;
      const arrived = stage.each(next, 1, () => stage.mark("next"));
      const headers = client.headersOf(held?.message ?? {});
      await stage.within("elsewhere", () => stage.send(next, [stage.message("1", { headers })]));
      await arrived;
      await spans.ended();
      const sending = above(spans, (span) => span === above(spans, "next").span);
      sending.childOf(created).linkedTo("elsewhere");
      spans.expectSpan("next").inTraceOf("sender").notInTraceOf("elsewhere");
    },
  },
  {
    name: "a message that is made from several is linked to each of them",
    async body(stage) {
      const { client, spans } = stage;
      const [first, next] = [await stage.inbox(), await stage.inbox({ name: "next" })];
      const held: object[] = [];
      const handled = stage.each(first, 2, ({ message }) => void held.push(message));
      await stage.within("sender 1", () => stage.send(first, [stage.message("1")]));
      await stage.within("sender 2", () => stage.send(first, [stage.message("2")]));
      await handled;
      await spans.ended();
      const created = spans.expectSpans(creating, 2).spans;
      const arrived = stage.each(next, 1, () => stage.mark("next"));
      const sum = client.functions.links(stage.message("sum"), held);
      await stage.within("aggregate", () => stage.send(next, [sum]));
      await arrived;
      await spans.ended();
      const sending = above(spans, (span) => span === above(spans, "next").span);
      sending.childOf("aggregate").linkedTo(...created);
    },
  },
];
