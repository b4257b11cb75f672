import assert from "node:assert";
import type { Claim } from "../claim.ts";
import { creating, processing } from "../spans-of.ts";
import type { Stage } from "../stage.ts";
import { turn } from "./handling.ts";

/** Messages that an application asks for one by one. */
export const pulling: readonly Claim[] = [
  {
    name: "a message that was asked for is handled in its sender's trace",
    needs: ["pulling"],
    async body(stage) {
      const { client, spans } = stage;
      const connection = await stage.connection();
      const destination = await connection.destination();
      await stage.within("sender", async () => {
        await connection.send(destination, [stage.message("1")]);
      });
      const message = await pull(stage, destination, {});
      assert.equal(spans.named(processing).length, 0, "handled before anybody handled it");
      const value = {};
      const handled = client.functions.processMessage(message, async () => {
        await turn();
        stage.mark("handled");
        return value;
      });
      assert.ok((await handled) === value);
      await spans.ended();
      spans.expectSpan(processing).childOf(creating).succeeded();
      spans.expectSpan("handled").childOf(processing);
      spans.expectNoOrphans();
    },
  },
  {
    name: "asking for a message where there is none gives what the bare client gives",
    needs: ["pulling"],
    async body(stage) {
      const given = await Promise.all(
        (["bare", {}] as const).map(async (options) => {
          const connection = await stage.connection(options);
          return connection.pull?.(await connection.destination());
        }),
      );
      assert.deepStrictEqual(given[1], given[0]);
      assert.equal(stage.spans.named(processing).length, 0);
    },
  },
];

/** Asks until the message is there: a broker may take a moment. */
async function pull(stage: Stage, destination: string, options: object): Promise<object> {
  const connection = await stage.connection(options);
  const there = async (): Promise<object> => {
    for (;;) {
      const message = await connection.pull?.(destination);
      if (message !== null && typeof message === "object") return message;
      await turn();
    }
  };
  return stage.soon(there(), "message that was asked for");
}
