import assert from "node:assert";
import type { Claim } from "../claim.ts";
import type { Stage } from "../stage.ts";
import { assertUntouched, snapshotOf } from "../untouched.ts";
import { processing } from "../spans-of.ts";

/** The application's own objects. */
export const untouched: readonly Claim[] = [
  {
    name: "what an application gives to send is not written to",
    async body(stage) {
      const inbox = await stage.inbox();
      const count = stage.features.sendMany === true ? 3 : 1;
      for (const sent of count === 1 ? [1] : [1, count]) {
        const headers = stage.headers([["tenant", "a"]]);
        const messages = Array.from({ length: sent }, () => stage.message("1", { headers }));
        const bare = snapshotOf(messages, "messages");
        const handled = stage.each(inbox, sent, () => {});
        await stage.within("sender", () => stage.send(inbox, messages));
        await handled;
        assertUntouched(bare, messages, "messages");
      }
    },
  },
  {
    name: "a frozen message with frozen headers is sent as the bare client sends it, in its sender's trace",
    needs: ["frozenMessages"],
    async body(stage) {
      const inbox = await stage.inbox();
      const seen: string[] = [];
      const handled = stage.each(inbox, 1, ({ text }) => void seen.push(text ?? ""));
      const headers = Object.freeze(stage.headers([["tenant", "a"]]));
      const message = Object.freeze(stage.message("1", { headers }));
      await stage.within("sender", () => stage.send(inbox, Object.freeze([message])));
      await handled;
      await stage.spans.ended();
      assert.deepStrictEqual(seen, ["1"]);
      stage.spans.expectSpan(processing).inTraceOf("sender");
    },
  },
  {
    name: "a consumed message is not written to, whatever is done with it",
    async body(stage) {
      const { contextOf, deadLetter, links, processBatch, processMessage } = stage.client.functions;
      const inbox = await stage.inbox({ options: "bare" });
      const handled = stage.each(inbox, 1, async ({ message, payload }) => {
        const before = snapshotOf(message, "message");
        const around = snapshotOf(payload, "payload");
        contextOf(message);
        await processMessage(message, async () => {});
        await processBatch([message], async () => {});
        deadLetter(message as never, new Error("parked"));
        links(stage.message("2"), [message]);
        assertUntouched(before, message, "message");
        assertUntouched(around, payload, "payload");
      });
      await stage.send(inbox, [stage.message("1", { headers: stage.headers([["tenant", "a"]]) })]);
      await handled;
    },
  },
  {
    name: "a handler is handed what the bare client hands it",
    async body(stage) {
      assert.deepStrictEqual(await handed(stage, {}), await handed(stage, "bare"));
    },
  },
];

/** What the payload and the message of one delivery look like, but for what each delivery has its own of. */
async function handed(stage: Stage, options: "bare" | object): Promise<unknown> {
  const inbox = await stage.inbox({ options });
  let shape: unknown;
  const handled = stage.each(inbox, 1, ({ message, payload, headers, text }) => {
    shape = {
      text,
      headers: headers.toSorted(),
      message: layoutOf(message),
      payload: layoutOf(payload),
    };
  });
  const message = stage.message("1", { headers: stage.headers([["tenant", "a"]]) });
  await stage.send(inbox, [message], await stage.connection("bare"));
  await handled;
  return shape;
}

/** An object's properties by kind, and its class. */
function layoutOf(value: unknown): unknown {
  if (value === null || typeof value !== "object") return typeof value;
  const named = Object.getPrototypeOf(value)?.constructor?.name as unknown;
  return [named, ...Reflect.ownKeys(value).map((name) => [name, typeof Reflect.get(value, name)])];
}
