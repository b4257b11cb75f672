import assert from "node:assert";
import type { Claim } from "../claim.ts";
import { outcomeOf } from "../outcome.ts";
import type { Stage } from "../stage.ts";
import { declined } from "./failure.ts";

/** What the host program sees is what it sees without us. */
export const host: readonly Claim[] = [
  {
    name: "send gives what the bare client's gives",
    async body(stage) {
      const results = async (options: "bare" | object): Promise<unknown> => {
        const connection = await stage.connection(options);
        const destination = await connection.destination();
        const sends = [[stage.message("1")]];
        if (stage.features.sendMany === true) sends.push([stage.message("2"), stage.message("3")]);
        const given: unknown[] = [];
        for (const messages of sends) {
          const result = connection.send(destination, messages);
          given.push(kindOf(result), comparable(await result, destination, stage));
        }
        return given;
      };
      assert.deepStrictEqual(await results({}), await results("bare"));
    },
  },
  {
    name: "what the bare client refuses to send is refused in the same words",
    needs: ["refusals"],
    async body(stage) {
      const refusal = async (options: "bare" | object): Promise<unknown[]> => {
        const connection = await stage.connection(options);
        const destination = await connection.destination();
        const refused = stage.client.refused?.() ?? {};
        return outcomeOf(() => connection.send(destination, [refused]), destination);
      };
      const refused = await refusal("bare");
      assert.notEqual(refused[0], "resolved", "the bare client did not refuse it");
      assert.deepStrictEqual(await refusal({}), refused);
      stage.spans.expectAllEnded();
    },
  },
  {
    name: "processMessage gives what its handler gives, and throws what it throws",
    async body(stage) {
      const { processMessage } = stage.client.functions;
      const inbox = await stage.inbox({ options: "bare" });
      const held: object[] = [];
      const handled = stage.each(inbox, 1, ({ message }) => void held.push(message));
      await stage.send(inbox, [stage.message("1")]);
      await handled;
      const [message = {}] = held;
      const [value, error] = [{}, declined()];
      assert.ok(processMessage(message, () => value) === value);
      assert.ok((await processMessage(message, async () => value)) === value);
      assert.throws(
        () =>
          processMessage(message, () => {
            throw error;
          }),
        (thrown) => thrown === error,
      );
      const rejected = processMessage(message, () => Promise.reject(error));
      await assert.rejects(rejected, (thrown) => thrown === error);
    },
  },
  {
    name: "what is handled, and what the broker then holds as settled, is what it is without us",
    needs: ["settlement"],
    async body(stage) {
      const redelivers = stage.features.redelivery === true;
      const inboxes = await Promise.all([
        stage.inbox({ options: "bare", name: "settled", inOrder: true }),
        stage.inbox({ name: "settled", inOrder: true }),
      ]);
      const results = async (
        inbox: (typeof inboxes)[number],
      ): Promise<{ seen: string[]; settled: unknown }> => {
        const seen: string[] = [];
        let failed = false;
        const handled = stage.each(inbox, redelivers ? 4 : 3, async ({ text }) => {
          seen.push(text ?? "");
          if (text !== "2" || failed || !redelivers) return;
          failed = true;
          throw declined();
        });
        for (const text of ["1", "2", "3"]) await stage.send(inbox, [stage.message(text)]);
        await handled;
        return { seen, settled: await inbox.connection.settled?.(inbox.destination) };
      };
      const bare = await results(inboxes[0]);
      assert.notEqual(bare.settled, undefined, "nothing is known of what is settled");
      assert.deepStrictEqual(await results(inboxes[1]), bare);
    },
  },
];

function kindOf(result: unknown): string {
  return result instanceof Promise ? "promise" : typeof result;
}

/** Destinations are called differently in every run, and brokers make ids up. */
function comparable(result: unknown, destination: string, { client }: Stage): unknown {
  const text = JSON.stringify(client.comparable?.(result) ?? result) ?? "undefined";
  return text.replaceAll(destination, "the destination");
}
