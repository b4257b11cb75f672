import assert from "node:assert";
import type { Claim } from "../claim.ts";
import type { Settling } from "../client.ts";
import { outcomeOf } from "../outcome.ts";
import { creating, processing } from "../spans-of.ts";
import type { Stage } from "../stage.ts";
import { turn } from "./handling.ts";

/** Messages that the application settles itself: after, before, never and twice. */
export const settlement: readonly Claim[] = [
  {
    name: "a message whose handler gives no promise is being handled until it is settled",
    needs: ["ownSettlement"],
    async body(stage) {
      const { spans } = stage;
      const held = await hold(stage, () => stage.mark("handled"));
      const { settling } = await held.taken;
      await turn();
      const { span } = spans.expectSpan(processing).childOf(creating);
      assert.equal(span.ended, false, "ended before it was settled");
      await settling.ack();
      await spans.ended();
      spans.expectSpan(processing).succeeded();
      spans.expectSpan("handled").childOf(processing);
      await held.close();
    },
  },
  {
    name: "a message that is settled before its handler returns is being handled until it does",
    needs: ["ownSettlement"],
    async body(stage) {
      const { spans } = stage;
      let ended: boolean | undefined;
      const held = await hold(stage, (settling) => {
        const acked = settling.ack();
        stage.mark("after it");
        ended = spans.expectSpan(processing).span.ended;
        return void acked;
      });
      await held.taken;
      await spans.ended();
      assert.equal(ended, false, "ended while it was handled");
      spans.expectSpan("after it").childOf(processing);
      await held.close();
    },
  },
  {
    name: "a message whose handler gives a promise is being handled until that settles, whenever it is settled itself",
    needs: ["ownSettlement"],
    async body(stage) {
      const { spans } = stage;
      for (const when of ["before", "after"] as const) {
        spans.clear();
        let finish: (() => void) | undefined;
        const held = await hold(stage, async (settling) => {
          if (when === "before") await settling.ack();
          await new Promise<void>((resolve) => (finish = resolve));
        });
        const { settling } = await held.taken;
        await turn();
        assert.equal(spans.expectSpan(processing).span.ended, false, `${when}: ended too early`);
        finish?.();
        await spans.ended();
        spans.expectSpan(processing).succeeded();
        if (when === "after") await settling.ack();
        await held.close();
      }
    },
  },
  {
    name: "a message that is never settled has been handled when what it came by is closed, and that is an error",
    needs: ["ownSettlement"],
    async body(stage) {
      const { spans } = stage;
      const held = await hold(stage, () => stage.mark("handled"));
      await held.taken;
      await turn();
      assert.equal(spans.expectSpan(processing).span.ended, false, "ended before it was closed");
      await held.close();
      await spans.ended();
      spans.expectSpan(processing).failed();
    },
  },
  {
    name: "a message that is settled twice ends once, and the client says what it says without us",
    needs: ["ownSettlement"],
    async body(stage) {
      const { spans } = stage;
      const twice = async (options: "bare" | object): Promise<unknown> => {
        const held = await hold(stage, () => {}, options);
        const { settling } = await held.taken;
        const said = [];
        for (const _ of [1, 2]) said.push(await outcomeOf(() => settling.ack(), held.destination));
        await held.close();
        return said;
      };
      const bare = await twice("bare");
      spans.clear();
      assert.deepStrictEqual(await twice({}), bare);
      await spans.ended();
      spans.expectSpan(processing).succeeded();
    },
  },
  {
    name: "a message that is refused for good makes its process span an error",
    needs: ["ownSettlement", "refusing"],
    async body(stage) {
      const { spans } = stage;
      const held = await hold(stage, async (settling) => {
        await turn();
        await settling.refuse?.(false);
      });
      await held.taken;
      await spans.ended();
      spans.expectSpan(processing).failed().childOf(creating);
      await held.close();
    },
  },
  {
    name: "a message that is given back is handled again in a span beside the first, which is an error",
    needs: ["ownSettlement", "refusing"],
    async body(stage) {
      const { spans } = stage;
      let times = 0;
      let second: (() => void) | undefined;
      const again = new Promise<void>((resolve) => (second = resolve));
      const held = await hold(stage, (settling) => {
        times += 1;
        if (times === 1) return void settling.refuse?.(true);
        second?.();
        return void settling.ack();
      });
      await stage.soon(again, "second delivery");
      await spans.ended();
      const attempts = spans.expectSpans(processing, 2).childOf(creating);
      assert.deepStrictEqual(
        attempts.spans.map(({ status }) => status.code),
        [2, 0],
      );
      await held.close();
    },
  },
];

export interface Held {
  readonly destination: string;
  /** Resolves when the first message has been handed over and its handler has returned. */
  readonly taken: Promise<{ settling: Settling }>;
  close(): Promise<void>;
}

/** Sends one message, and hands it to a handler that settles it as it likes. */
export async function hold(
  stage: Stage,
  take: (settling: Settling) => unknown,
  options: "bare" | object = {},
  wanted?: string,
): Promise<Held> {
  const connection = await stage.connection(options);
  const destination = wanted ?? (await connection.destination());
  let tell: ((of: { settling: Settling }) => void) | undefined;
  const taken = new Promise<{ settling: Settling }>((resolve) => (tell = resolve));
  const holding = await connection.hold?.(destination, (_message, settling) => {
    // By the time that this is heard of, the handler has returned.
    tell?.({ settling });
    return take(settling);
  });
  await stage.within("sender", async () => {
    await connection.send(destination, [stage.message("1")]);
  });
  return {
    destination,
    taken: stage.soon(taken, "delivery"),
    close: async () => holding?.close(),
  };
}
