import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import assert from "node:assert";
import type { Claim } from "../claim.ts";
import type { Received } from "../inbox.ts";
import { above, creating, processing } from "../spans-of.ts";
import { declined } from "./failure.ts";

/** Messages that can't be handled, and what is published in their place. */
export const deadLetters: readonly Claim[] = [
  {
    name: "a dead letter stays in its record's own trace, whatever is active where it is sent",
    async body(stage) {
      const { client, spans } = stage;
      const inbox = await stage.inbox();
      const letters = await stage.inbox({ name: "letters" });
      const { functions } = client;
      const parked = stage.each(inbox, 1, async ({ message }) => {
        stage.mark("attempt");
        const letter = functions.deadLetter(message as never, declined());
        await context.with(ROOT_CONTEXT, () =>
          stage.within("elsewhere", () => stage.send(letters, [letter])),
        );
      });
      let received: Received | undefined;
      const arrived = stage.each(letters, 1, (of) => {
        received = of;
        stage.mark("repair");
      });
      await stage.within("sender", () => stage.send(inbox, [stage.message("1")]));
      await Promise.all([parked, arrived]);
      await spans.ended();
      spans.expectSpan("repair").inTraceOf("sender");
      const attempt = above(spans, "attempt").failed("CardDeclined");
      const sending = above(spans, (span) => span === above(spans, "repair").span);
      sending.childOf(attempt).linkedTo("elsewhere");

      const origin = functions.deadLetterOf(received?.message ?? {});
      const { traceId, spanId } = attempt.spanContext();
      assert.equal(received?.text, "1");
      assert.equal(origin?.destination, inbox.destination);
      assert.equal(origin?.errorType, "CardDeclined");
      assert.equal(origin?.errorMessage, "no funds");
      assert.equal(origin?.attempts, 1);
      assert.equal(origin?.failed, `00-${traceId}-${spanId}-01`);
    },
  },
  {
    name: "a dead letter follows the attempt that failed, not a span that is active beside it",
    async body(stage) {
      const { client, spans } = stage;
      const inbox = await stage.inbox();
      const letters = await stage.inbox({ name: "letters" });
      const parked = stage.each(inbox, 1, ({ message }) => {
        stage.mark("attempt");
        const letter = client.functions.deadLetter(message as never, declined());
        return stage.within("publish the letter", () => stage.send(letters, [letter]));
      });
      const arrived = stage.each(letters, 1, () => stage.mark("repair"));
      await stage.within("sender", () => stage.send(inbox, [stage.message("1")]));
      await Promise.all([parked, arrived]);
      await spans.ended();
      const sending = above(spans, (span) => span === above(spans, "repair").span);
      sending.childOf(above(spans, "attempt"));
      spans.expectOneTrace();
    },
  },
  {
    name: "a dead letter that is sent later, in another trace, is still in its record's own",
    async body(stage) {
      const { client, spans } = stage;
      const inbox = await stage.inbox();
      const letters = await stage.inbox({ name: "letters" });
      let held: object | undefined;
      const handled = stage.each(inbox, 1, ({ message }) => void (held = message));
      await stage.within("sender", () => stage.send(inbox, [stage.message("1")]));
      await handled;
      await spans.ended();
      const arrived = stage.each(letters, 1, () => stage.mark("repair"));
      await stage.within("elsewhere", () => {
        const letter = client.functions.deadLetter(held as never, declined());
        return stage.send(letters, [letter]);
      });
      await arrived;
      await spans.ended();
      spans.expectSpan("repair").inTraceOf("sender").notInTraceOf("elsewhere");
    },
  },
  {
    name: "a message that the broker dead-letters is repaired in its own trace, beside the attempt that refused it",
    needs: ["brokerDeadLetters", "ownSettlement", "refusing"],
    async body(stage) {
      const { spans } = stage;
      const connection = await stage.connection();
      const { destination, letters } = (await connection.deadLettering?.()) ?? lacking();
      const refused = await connection.hold?.(destination, (_message, settling) => {
        stage.mark("attempt");
        settling.refuse?.(false);
      });
      let repaired: (() => void) | undefined;
      const arrived = new Promise<void>((resolve) => (repaired = resolve));
      const repairs = await connection.hold?.(letters, (_message, settling) => {
        stage.mark("repair");
        settling.ack();
        repaired?.();
      });
      await stage.within("sender", async () => {
        await connection.send(destination, [stage.message("1")]);
      });
      await stage.soon(arrived, "dead letter");
      await spans.ended();
      spans.expectSpans(/^(attempt|repair)$/, 2).inTraceOf("sender");
      above(spans, "attempt").failed();
      above(spans, "repair").succeeded();
      await Promise.all([refused?.close(), repairs?.close()]);
    },
  },
  {
    name: "a replay of a dead letter starts a new trace, linked to the attempt that failed",
    async body(stage) {
      const { client, spans } = stage;
      const inbox = await stage.inbox();
      const letters = await stage.inbox({ name: "letters" });
      let attempts = 0;
      const handled = stage.each(inbox, 2, async ({ message }) => {
        attempts += 1;
        stage.mark(`attempt ${attempts}`);
        if (attempts === 1) {
          await stage.send(letters, [client.functions.deadLetter(message as never, declined())]);
        }
      });
      const replayed = stage.each(letters, 1, async ({ message, text }) => {
        const headers = client.headersOf(message);
        await stage.send(inbox, [stage.message(text, { headers })]);
      });
      await stage.within("sender", () => stage.send(inbox, [stage.message("1")]));
      await Promise.all([handled, replayed]);
      await spans.ended();
      spans.expectSpan("attempt 2").notInTraceOf("sender");
      const sending = above(spans, (span) => span === above(spans, "attempt 2").span);
      sending.root().linkedTo(above(spans, "attempt 1"));
    },
  },
  {
    name: "attempts are spans beside each other under the message's creation context, and the letter follows the last",
    needs: ["retries"],
    async body(stage) {
      const { client, spans } = stage;
      const letters = await stage.inbox({ name: "letters" });
      const retries = {
        attempts: 3,
        deadLetter: (letter: object) => stage.send(letters, [letter]),
      };
      const inbox = await stage.inbox({ name: "retried", retries });
      let attempts = 0;
      const tried = stage.each(inbox, 3, async () => {
        attempts += 1;
        stage.mark(`attempt ${attempts}`);
        throw declined();
      });
      let received: Received | undefined;
      const arrived = stage.each(letters, 1, (of) => {
        received = of;
        stage.mark("repair");
      });
      await stage.within("sender", () => stage.send(inbox, [stage.message("1")]));
      await Promise.all([tried, arrived]);
      await spans.ended();
      const own = [1, 2, 3].map((at) => above(spans, `attempt ${at}`));
      const [creation] = spans.named(creating);
      for (const attempt of own) attempt.childOf(creation ?? "sender").failed("CardDeclined");
      assert.equal(new Set(own.map((attempt) => attempt.span)).size, 3);
      // One more is the letter's own: none is around the attempts.
      spans.expectSpans(processing, 4);
      const sending = above(spans, (span) => span === above(spans, "repair").span);
      sending.childOf(own[2] ?? "sender");
      assert.equal(client.functions.deadLetterOf(received?.message ?? {})?.attempts, 3);
      spans.expectOneTrace();
    },
  },
];

/** @throws Error for a connection that has not what its client declares. */
function lacking(): never {
  throw new Error("the feature brokerDeadLetters is declared, and there is no deadLettering()");
}
