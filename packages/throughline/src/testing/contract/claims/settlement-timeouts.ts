import assert from "node:assert";
import type { Claim } from "../claim.ts";
import type { Connection, Settling } from "../client.ts";
import { above, creating, processing } from "../spans-of.ts";
import { hold } from "./settlement.ts";

/** A broker that does not wait for ever: it delivers again what is not settled in its time. */
export const settlementTimeouts: readonly Claim[] = [
  {
    name: "a message that is not settled in time is handled again in a span beside the first, and no span stays open",
    needs: ["ownSettlement", "settlementTimeouts"],
    async body(stage) {
      const { spans } = stage;
      const connection = await stage.connection();
      const destination = await hastyDestination(connection);
      let times = 0;
      let second: (() => void) | undefined;
      const again = new Promise<void>((resolve) => (second = resolve));
      const take = (settling: Settling): void => {
        times += 1;
        if (times === 1) return;
        settling.ack();
        second?.();
      };
      const held = await hold(stage, take, {}, destination);
      await stage.soon(again, "second delivery");
      await held.close();
      await spans.ended();
      const attempts = spans.expectSpans(processing, 2).childOf(creating);
      assert.deepStrictEqual(
        attempts.spans.map(({ status }) => status.code),
        [2, 0],
      );
    },
  },
  {
    name: "a message whose handler takes longer than its broker waits is handled again in a span beside the first, and each span ends with its own handler",
    needs: ["settlementTimeouts"],
    async body(stage) {
      const { spans } = stage;
      // Two instances of one service: an application that is busy may not ask for more.
      const instances = [await stage.connection(), await stage.connection({ messageKey: false })];
      const destination = await hastyDestination(instances[0] as Connection);
      let [times, open] = [0, false];
      let handledAgain: (() => void) | undefined;
      const again = new Promise<void>((resolve) => (handledAgain = resolve));
      let handledFirst: (() => void) | undefined;
      const first = new Promise<void>((resolve) => (handledFirst = resolve));
      const each = async (): Promise<void> => {
        times += 1;
        stage.mark(`attempt ${times}`);
        if (times > 1) return handledAgain?.();
        await again;
        // What the broker told of the first delivery has been heard once it has answered this.
        await Promise.all(instances.map((instance) => instance.destination()));
        open = !above(spans, "attempt 1").span.ended;
        stage.mark("the first goes on");
        handledFirst?.();
      };
      for (const instance of instances) await instance.consume(destination, { lanes: 1, each });
      await stage.within("sender", async () => {
        await instances[0]?.send(destination, [stage.message("1")]);
      });
      await stage.soon(again, "second delivery");
      await first;
      await spans.ended();
      assert.equal(open, true, "the first attempt's span ended while it was handled");
      const attempts = spans.expectSpans(processing, 2).childOf(creating);
      assert.deepStrictEqual(
        attempts.spans.map(({ status }) => status.code),
        [0, 0],
      );
      const [one, two] = [above(spans, "attempt 1").span, above(spans, "attempt 2").span];
      assert.notEqual(one, two, "two attempts in one span");
      spans.expectSpan("the first goes on").childOf((span) => span === one);
      spans.expectOneTrace();
    },
  },
];

/** @throws Error for a connection that has not what its client declares. */
async function hastyDestination(connection: Connection): Promise<string> {
  const destination = await connection.hastyDestination?.();
  if (destination !== undefined) return destination;
  throw new Error("the feature settlementTimeouts is declared, and there is no hastyDestination()");
}
