import { context, propagation, SpanKind } from "@opentelemetry/api";
import assert from "node:assert";
import type { Claim } from "../claim.ts";
import type { Inbox } from "../inbox.ts";
import { creating, processing } from "../spans-of.ts";
import { within } from "../within.ts";

/** What is active while a message is handled, and for how long. */
export const handling: readonly Claim[] = [
  {
    name: "a handler runs in the trace of its message's sender, in a process span of its own",
    async body(stage) {
      const { client, spans } = stage;
      const inbox = await stage.inbox();
      const handled = stage.each(inbox, 1, async () => {
        stage.mark("at first");
        await turn();
        stage.mark("after an await");
      });
      await stage.within("sender", () => stage.send(inbox, [stage.message("1")]));
      await handled;
      await spans.ended();
      spans.expectOneTrace();
      spans.expectSpan(creating).childOf("sender").with({ "messaging.system": client.system });
      const processed = spans.expectSpan(processing).childOf(creating).linkedTo().succeeded();
      assert.equal(processed.span.kind, SpanKind.CONSUMER);
      processed.with({
        "messaging.system": client.system,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
      });
      spans.expectSpan("at first").childOf(processed);
      spans.expectSpan("after an await").childOf(processed);
    },
  },
  {
    name: "what a handler leaves to a timer is in its message's trace",
    async body(stage) {
      const inbox = await stage.inbox();
      const left: Promise<void>[] = [];
      const handled = stage.each(inbox, 1, () => {
        left.push(turn().then(() => stage.mark("in a timer")));
      });
      await stage.within("sender", () => stage.send(inbox, [stage.message("1")]));
      await handled;
      await Promise.all(left);
      stage.spans.expectSpan("in a timer").inTraceOf("sender").childOf(processing);
    },
  },
  {
    name: "a process span ends when its handler settles, and not before",
    async body(stage) {
      const { spans } = stage;
      const inbox = await stage.inbox();
      let begun: (() => void) | undefined;
      let finish: (() => void) | undefined;
      const started = new Promise<void>((resolve) => (begun = resolve));
      const handled = stage.each(inbox, 1, () => {
        begun?.();
        return new Promise<void>((resolve) => (finish = resolve));
      });
      await stage.send(inbox, [stage.message("1")]);
      await stage.soon(started, "call of the handler");
      await turn();
      try {
        assert.equal(spans.expectSpan(processing).span.ended, false, "ended while it was handled");
      } finally {
        finish?.();
      }
      await handled;
      await spans.ended();
    },
  },
  {
    name: "baggage reaches the handler with its message, and no other",
    async body(stage) {
      const inbox = await stage.inbox();
      const seen: (string | undefined)[] = [];
      const handled = stage.each(inbox, 2, ({ text }) => {
        seen.push(`${text} ${tenant()}`);
      });
      await withTenant("a", () => stage.send(inbox, [stage.message("1")]));
      await stage.send(inbox, [stage.message("2")]);
      await handled;
      assert.deepStrictEqual(seen, ["1 a", "2 undefined"]);
    },
  },
  {
    name: "a consumer that is started inside a span draws no message into that span's trace",
    // A span around the application's own loop is around its processMessage, and is linked.
    needs: ["loop"],
    async body(stage) {
      const { spans } = stage;
      const inbox = await stage.within("start", () => stage.inbox({ name: "started in a span" }));
      const handled = stage.each(inbox, 1, () => stage.mark("handled"));
      await stage.within("sender", () => stage.send(inbox, [stage.message("1")]));
      await handled;
      spans.expectSpan(processing).notInTraceOf("start").childOf(creating).linkedTo();
      spans.expectSpan("handled").inTraceOf("sender");
    },
  },
  {
    name: "handlers that run side by side each see their own message's trace",
    needs: ["concurrency"],
    async body(stage) {
      const { spans } = stage;
      const all = barrier(3, stage.timeoutMs);
      let handled: Promise<void> | undefined;
      // All of them are there before the first fetch: some clients run side by side what came together.
      const filled = async (inbox: Inbox): Promise<void> => {
        handled = stage.each(inbox, 3, async ({ text }) => {
          await all();
          stage.mark(`handled ${text}`);
          await turn();
          stage.mark(`later ${text}`);
        });
        for (const lane of [0, 1, 2]) {
          const message = stage.message(String(lane), { lane });
          await stage.within(`sender ${lane}`, () => stage.send(inbox, [message]));
        }
      };
      await stage.inbox({ name: "filled first", filled });
      await handled;
      for (const text of ["0", "1", "2"]) {
        spans.expectSpan(`handled ${text}`).inTraceOf(`sender ${text}`);
        spans.expectSpan(`later ${text}`).inTraceOf(`sender ${text}`);
      }
    },
  },
];

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets nobody pass before that many have come; they fail where some never do. */
export function barrier(count: number, timeoutMs: number): () => Promise<void> {
  let come = 0;
  let open: () => void = () => {};
  const all = new Promise<void>((resolve) => (open = resolve));
  return () => {
    come += 1;
    if (come === count) open();
    return within(timeoutMs, all, () => `${come} of ${count} handlers were running side by side`);
  };
}

/** The active baggage's entry for the tenant. */
export function tenant(): string | undefined {
  return propagation.getActiveBaggage()?.getEntry("tenant")?.value;
}

/** Runs some work with a baggage of one entry. */
export function withTenant<Result>(value: string, work: () => Result): Result {
  const baggage = propagation.createBaggage({ tenant: { value } });
  return context.with(propagation.setBaggage(context.active(), baggage), work);
}
